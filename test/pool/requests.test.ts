import { createPool, definePlugin, isGreenroomError, type ChannelContext, type Plugin, type Pool, type PoolConfig, type TurnSink } from 'greenroom'
import { z } from 'greenroom/kit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/real-pool.ts'
import { scene, watched } from './scene.ts'

interface Asked {
  readonly message: unknown
  readonly sink: TurnSink
}

/** One `cat`, whose driver leaves it to the test to answer, and refuses what is 'refused'. */
async function openCat(config: Partial<PoolConfig> = {}, plugins: readonly Plugin[] = []): Promise<{ pool: Pool; contexts: ChannelContext[]; asked: Asked[] }> {
  const [contexts, asked]: [ChannelContext[], Asked[]] = [[], []]
  const cat = definePlugin({
    name: 'cat',
    apply(kernel) {
      kernel.strategy('driver', 'cat', {
        description: 'Leaves it to the test to answer.',
        options: z.strictObject({}),
        create: () => ({
          capabilities: {},
          spawnSpec: () => ({ command: 'cat' }),
          open: async (_child, context) => {
            contexts.push(context)
            return {
              turn(message, sink) {
                if (message === 'refused') throw new Error('it is refused')
                if (message === 'both') {
                  sink.done('answered')
                  throw new Error('it can not decide')
                }
                asked.push({ message, sink })
              },
            }
          },
        }),
      })
    },
  })
  const pool = await createPool({
    driver: { use: 'cat' } as never, size: { max: 1 }, isolation: 'none', queue: { max: 100_000 }, health: false, metrics: false, plugins: [cat, ...plugins], ...config,
  })
  onTestFinished(() => pool.close({ grace: 0 }))
  await pool.ready()
  return { pool, contexts, asked }
}

describe('pool.request', () => {
  it('has given its session back when the caller hears of the answer, or of the error', async () => {
    const { pool, asked } = await openCat()
    const answer = pool.request('one').then((value) => [value, pool.getPoolStats().activeSessions])
    await until(() => asked.length === 1)
    expect(pool.getPoolStats().activeSessions).toBe(1)
    asked[0]!.sink.done('answer')
    expect(await answer).toEqual(['answer', 0])
    const error = pool.request('two').catch((problem: Error) => [problem.message, pool.getPoolStats().activeSessions])
    await until(() => asked.length === 2)
    asked[1]!.sink.fail(new Error('no'))
    expect(await error).toEqual(['no', 0])
  })

  it('sends nothing of the next before what follows an answer has been read (INV 1)', async () => {
    const { pool, contexts, asked } = await openCat()
    const answers = [watched(pool.request('one')), watched(pool.request('two'))]
    await until(() => asked.length === 1)
    asked[0]!.sink.done('first')
    contexts[0]!.unsolicited('what the program wrote at once after it')
    expect(asked).toHaveLength(1)
    await until(() => asked.length === 2)
    asked[1]!.sink.done('second')
    await until(() => answers[1]!.state === 'resolved')
    expect(answers.map(({ value }) => value)).toEqual(['first', 'second'])
  })

  it('is refused with what the driver refuses it with, however many wait behind it, and the session goes to the next', async () => {
    const { pool, asked } = await openCat()
    const first = pool.request('first')
    await until(() => asked.length === 1)
    const refused = Array.from({ length: 50_000 }, () => pool.request('refused').catch((error: unknown) => isGreenroomError(error, 'MESSAGE_INVALID')))
    const last = pool.request('last')
    asked[0]!.sink.done(1)
    await first
    expect(new Set(await Promise.all(refused))).toEqual(new Set([true]))
    expect(asked.map(({ message }) => message)).toEqual(['first', 'last'])
    asked[1]!.sink.done(2)
    expect(await last).toBe(2)
  })

  it('has the answer of a driver that answers at once and throws all the same, and takes up no place twice', async () => {
    const problems: unknown[] = []
    const observer = definePlugin({ name: 'observer', apply: ({ hooks }) => hooks.problem.tap('observer', (problem) => void problems.push(String(problem))) })
    const { pool } = await openCat({}, [observer])
    for (let n = 0; n < 3; n++) expect(await pool.request('both')).toBe('answered')
    expect(problems).toEqual(Array(3).fill('Error: it can not decide'))
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 0, idleSessions: 1, requests: 3 })
  })

  it('that is refused is told to plugins as such, and no session is held to have failed', async () => {
    const outcomes: string[] = []
    const observer = definePlugin({ name: 'observer', apply: ({ hooks }) => hooks.request.tap('observer', (_session, { outcome }) => void outcomes.push(outcome)) })
    const { pool, asked } = await openCat({ size: { min: 2, max: 2 }, balancer: { use: 'least-loaded', outliers: { errors: 1, max: 100 } } }, [observer])
    for (let n = 0; n < 3; n++) await expect(pool.request('refused')).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(outcomes).toEqual(['refused', 'refused', 'refused'])
    const failed = pool.request('fails').catch(() => undefined)
    await until(() => asked.length === 1)
    asked[0]!.sink.fail(new Error('no'))
    await failed
    expect(outcomes.at(-1)).toBe('failed')
    expect(pool.decisions().filter(({ reason }) => reason.startsWith('ejected'))).toHaveLength(1)
  })

  it('is within its time-out and its signal, while it waits and while it is asked', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, isolation: 'none' })
    const asked = watched(pool.request({ op: 'hang' }, { timeout: 1_000 }))
    const waiting = watched(pool.request({ op: 'read' }, { timeout: 900 }))
    const controller = new AbortController()
    const aborted = watched(pool.request({ op: 'read' }, { signal: controller.signal }))
    controller.abort()
    await clock.advance(999)
    expect([asked.state, waiting.code, aborted.code]).toEqual(['pending', 'ACQUIRE_TIMEOUT', 'ACQUIRE_ABORTED'])
    await clock.advance(1)
    expect(asked.code).toBe('REQUEST_TIMEOUT')
  })

  it('rejects, and never throws, what makes no sense', async () => {
    const { pool } = await scene({ size: { max: 1 } })
    for (const options of [{ timeout: 'soon' }, { key: '' }, { tenant: 7 }]) {
      await expect(pool.request({ op: 'read' }, options as never)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    }
  })
})
