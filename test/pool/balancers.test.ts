import { describe, expect, it } from 'vitest'
import { type Balancer, definePlugin, type Plugin, type RequestOutcome, type SessionView, z } from 'greenroom/kit'
import { createInMemoryWorld, type InMemoryWorld } from 'greenroom/testing'
import type { Pool, PoolConfig } from 'greenroom'

const TIMEOUTS = { acquire: false, active: false, silence: false } as const

interface Stage {
  readonly world: InMemoryWorld
  readonly pool: Pool
}

/** A pool of three sessions that work on four requests at a time each, for anybody. */
async function onStage(config: object, work: (stage: Stage) => Promise<void>): Promise<void> {
  const world = createInMemoryWorld({ capabilities: { ping: true, concurrency: 4 } })
  const pool = await world.createPool({ size: { min: 3, max: 3, spare: 0 }, isolation: 'none', timeouts: TIMEOUTS, ...config } as Omit<PoolConfig, 'driver'>)
  await world.clock.settle()
  try {
    await work({ world, pool })
  } finally {
    const closed = pool.close()
    await world.clock.runUntilIdle()
    await closed
  }
}

function pluginOf(balancer: Balancer): Plugin {
  return definePlugin({
    name: 'mine',
    apply: ({ strategy }) => strategy('balancer', 'mine', { description: 'For this test.', options: z.strictObject({}), create: () => balancer }),
  })
}

describe('a balancer in a pool', () => {
  it('is told who is ready, how each request went, and who leaves, and by whom it is', async () => {
    const told: string[] = []
    class Listener implements Balancer {
      readonly #told = told

      pick([first]: readonly SessionView[]): SessionView {
        return first!
      }

      joined({ id, state }: SessionView): void {
        this.#told.push(`joined ${id.slice(-1)} ${state}`)
      }

      ended({ id }: SessionView, outcome: RequestOutcome, durationMs: number): void {
        this.#told.push(`${outcome} ${id.slice(-1)} ${durationMs}`)
      }

      left({ id }: SessionView): void {
        this.#told.push(`left ${id.slice(-1)}`)
      }
    }
    await onStage({ balancer: { use: 'mine' }, plugins: [pluginOf(new Listener())], size: { min: 2, max: 2, spare: 0 } }, async ({ world, pool }) => {
      expect(told).toHaveLength(2)
      const [one, other] = told.map((line) => /^joined (\S) idle$/.exec(line)?.[1])
      expect(one).not.toBe(other)
      await using lease = await pool.acquire({ tenant: 'a' })
      const id = lease.sessionId.slice(-1)
      const answered = lease.request({ op: 'read', ms: 30 })
      const failed = lease.request({ op: 'fail', ms: 40 }).catch(() => 'failed')
      await world.clock.advance(50)
      await Promise.all([answered, failed])
      expect(told.slice(2)).toEqual([`answered ${id} 30`, `failed ${id} 40`])
      lease.destroy()
      await world.clock.settle()
      expect(told.slice(4, 5)).toEqual([`left ${id}`])
      expect(told.slice(5)).toEqual([expect.stringMatching(/^joined/)])
    })
  })

  it('may throw when it is told: that is reported, and nobody else notices', async () => {
    const problems: string[] = []
    const reporter = definePlugin({ name: 'reporter', apply: ({ hooks }) => hooks.problem.tap('reporter', (problem, where) => void problems.push(`${where}: ${String(problem)}`)) })
    const fail = (): never => {
      throw new Error('no')
    }
    const balancer: Balancer = { pick: ([first]) => first!, joined: fail, ended: fail, left: fail }
    await onStage({ balancer: { use: 'mine' }, plugins: [pluginOf(balancer), reporter] }, async ({ pool }) => {
      expect(await pool.request({ op: 'read' }, { tenant: 'a' })).toMatchObject({ notes: [] })
    })
    expect(new Set(problems)).toEqual(new Set(['hook state, tap balancer: Error: no', 'hook request, tap balancer: Error: no']))
  })

  it('that wants to hear of nothing taps no hook', async () => {
    const tapped: number[] = []
    const plugin = pluginOf({ pick: ([first]) => first! })
    const looker = definePlugin({ name: 'looker', apply: ({ hooks }) => void queueMicrotask(() => tapped.push(hooks.request.taps.length, hooks.state.taps.length)) })
    await onStage({ balancer: { use: 'mine' }, plugins: [plugin, looker] }, async () => undefined)
    expect(tapped).toEqual([0, 0])
  })

  it('counts the requests of a lease, not the lease: three on one take three places', async () => {
    await onStage({ balancer: 'least-loaded' }, async ({ world, pool }) => {
      await using busy = await pool.acquire({ tenant: 'a' })
      const requests = [1, 2, 3].map(() => busy.request({ op: 'read', ms: 100 }))
      const leases = []
      for (let n = 0; n < 6; n++) leases.push(await pool.acquire({ tenant: 'b' }))
      // Two others with three places taken each, as the first.
      expect(leases.some(({ sessionId }) => sessionId === busy.sessionId)).toBe(false)
      await world.clock.advance(100)
      await Promise.all(requests)
      const next = await pool.acquire({ tenant: 'b' })
      expect(next.sessionId).toBe(busy.sessionId)
      for (const lease of [...leases, next]) lease.release()
    })
  })

  it('sends callers away from the session that has become slow, by peak-ewma', async () => {
    await onStage({ balancer: { use: 'best-of-all', metric: { use: 'peak-ewma', decay: '10m' } } }, async ({ world, pool }) => {
      const ask = async (ms: number): Promise<string> => {
        const lease = await pool.acquire({ tenant: 'a' })
        const answer = lease.request({ op: 'read', ms })
        await world.clock.advance(ms)
        await answer
        lease.release()
        return lease.sessionId
      }
      // Each has its turn while nothing is known of it.
      const met = new Set<string>()
      for (let n = 0; n < 60; n++) met.add(await ask(100))
      expect(met.size).toBe(3)
      const slow = await ask(30_000)
      for (let n = 0; n < 20; n++) expect(await ask(100)).not.toBe(slow)
    })
  })

  it('passes over the session that fails, by outliers, and says so', async () => {
    await onStage({ balancer: { use: 'random', outliers: { errors: 3 } } }, async ({ pool }) => {
      const lease = await pool.acquire({ tenant: 'a' })
      const broken = lease.sessionId
      for (let n = 0; n < 3; n++) await lease.request({ op: 'fail' }).catch(() => undefined)
      lease.release()
      expect(pool.decisions().find(({ kind }) => kind === 'strategy'))
        .toMatchObject({ sessionId: broken, reason: 'ejected for 30s: 3 requests in a row failed' })
      for (let n = 0; n < 60; n++) {
        await pool.use({ tenant: 'a' }, ({ sessionId }) => expect(sessionId).not.toBe(broken))
      }
    })
  })

  it('keeps a tenant on its session among several, by bounded-hash', async () => {
    await onStage({ balancer: { use: 'bounded-hash', epsilon: 3 } }, async ({ pool }) => {
      for (const tenant of ['a', 'b', 'c', 'd', 'e']) {
        const ids = []
        for (let n = 0; n < 5; n++) ids.push(await pool.use({ tenant }, ({ sessionId }) => sessionId))
        expect(new Set(ids).size).toBe(1)
      }
    })
  })
})
