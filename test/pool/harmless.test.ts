import { createPool, definePlugin, type ChannelContext, type Pool, type TurnSink } from 'greenroom'
import { z } from 'greenroom/kit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/real-pool.ts'

/** A pool of `cat`s whose driver says what the test wants it to say. */
async function openCats(): Promise<{ pool: Pool; contexts: ChannelContext[]; sinks: TurnSink[]; bindings: unknown[] }> {
  const [contexts, sinks, bindings]: [ChannelContext[], TurnSink[], unknown[]] = [[], [], []]
  const cats = definePlugin({
    name: 'cats',
    apply(kernel) {
      kernel.strategy('driver', 'cats', {
        description: 'Says what the test wants.',
        options: z.strictObject({}),
        create: () => ({
          capabilities: {},
          spawnSpec: () => ({ command: 'cat' }),
          open: (_child, context) => {
            contexts.push(context)
            return {
              turn: (_message, sink) => void sinks.push(sink),
              bind: async (binding) => void bindings.push(binding),
              park: async () => 'token',
              resume: async () => undefined,
            }
          },
        }),
      })
    },
  })
  const pool = await createPool({ driver: { use: 'cats' } as never, size: { max: 1, spare: 0 }, health: false, plugins: [cats] })
  onTestFinished(() => pool.close({ grace: 0 }))
  return { pool, contexts, sinks, bindings }
}

const ends = (pool: Pool): string[] => pool.decisions().filter(({ kind }) => kind === 'end').map(({ reason }) => reason)

describe('a harmless message', () => {
  it('goes to the lease, and is dropped when nobody holds the session', async () => {
    const { pool, contexts } = await openCats()
    const lease = await pool.acquire({ key: 'k' })
    const heard: unknown[] = []
    lease.onMessage((message) => void heard.push(message))
    contexts[0]!.unsolicited('news', true)
    expect(heard).toEqual(['news'])
    lease.release()
    contexts[0]!.unsolicited('news', true)
    expect(ends(pool)).toEqual([])
    contexts[0]!.unsolicited('not news')
    expect(ends(pool)).toEqual(['contaminated'])
  })
})

describe('a question', () => {
  it('that is harmless gets its default answer when nobody holds the session, and the session stays', async () => {
    const { pool, contexts } = await openCats()
    const lease = await pool.acquire({ key: 'k', handlers: { roots: () => 'mine' } })
    expect(await contexts[0]!.ask({ method: 'roots', params: {}, harmless: true }, 'default')).toBe('mine')
    lease.release()
    expect(await contexts[0]!.ask({ method: 'roots', params: {}, harmless: true }, 'default')).toBe('default')
    expect(ends(pool)).toEqual([])
  })

  it('of a turn whose lease is over gets its default answer: that turn may still come to its end', async () => {
    const { pool, contexts, sinks } = await openCats()
    const lease = await pool.acquire({ key: 'k', handlers: { permission: () => 'yes' } })
    const request = lease.request('work').catch(() => undefined)
    lease.release()
    await request
    const question = { method: 'permission', params: {}, turn: sinks[0] }
    expect(await contexts[0]!.ask(question, 'default')).toBe('default')
    sinks[0]!.done('stopped')
    await until(() => pool.getPoolStats().idleSessions === 1)
    expect(ends(pool)).toEqual([])
    expect(await contexts[0]!.ask(question, 'default')).toBe('default')
    expect(ends(pool)).toEqual(['contaminated'])
  })

  it('that is taken back gets its default answer at once, and its handler is told', async () => {
    const { pool, contexts } = await openCats()
    const signals: AbortSignal[] = []
    const lease = await pool.acquire({ handlers: { permission: (_params, { signal }) => new Promise(() => void signals.push(signal)) } })
    const taken = new AbortController()
    const answer = contexts[0]!.ask({ method: 'permission', params: {}, signal: taken.signal }, 'default')
    await until(() => signals.length === 1)
    taken.abort()
    expect(await answer).toBe('default')
    expect(signals[0]!.aborted).toBe(true)
    expect(await contexts[0]!.ask({ method: 'permission', params: {}, signal: taken.signal }, 'default')).toBe('default')
    expect(signals).toHaveLength(1)
    lease.release()
  })
})

describe('a binding', () => {
  it('says when the state of its key comes next', async () => {
    const { pool, bindings } = await openCats()
    for (const key of ['a', 'b', 'a']) await pool.use({ key }, () => undefined)
    const binding = (key: string): object => ({ tenant: 'default', key })
    expect(bindings).toEqual([binding('a'), binding('b'), { ...binding('a'), resumes: true }])
  })
})
