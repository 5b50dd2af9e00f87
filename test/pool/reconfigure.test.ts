import { describe, expect, it } from 'vitest'
import { type Balancer, type Evictor, type Reconfiguration, type SessionView, z } from '../../src/contracts/index.ts'
import { rejection, scene, states, watched } from './scene.ts'

/** A balancer that takes the last, and notes what it hears. */
function noting(heard: string[]): Balancer {
  return {
    pick: (candidates) => candidates.at(-1)!,
    joined: ({ id }) => void heard.push(`${id} joined`),
    left: ({ id }) => void heard.push(`${id} left`),
    ended: ({ id }, outcome) => void heard.push(`${id} ${outcome}`),
  }
}

const numbered = (lines: string[]): string[] => lines.map((line) => line.replace(/^\w+-/, ''))

describe('reconfigure', () => {
  it('gives another queue those who wait, in the order they came, and loses no lease', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, queue: 'fair' })
    const lease = await pool.acquire()
    const order: string[] = []
    const callers = [['a', 'one', 0], ['a', 'two', 0], ['b', 'three', 5]] as const
    for (const [tenant, name, priority] of callers) void pool.use({ tenant: 'default', key: `${tenant}${name}`, priority }, () => void order.push(name))
    await clock.settle()
    await pool.reconfigure({ queue: 'fifo' })
    void pool.use({ key: 'late', priority: 9 }, () => void order.push('late'))
    expect([lease.signal.aborted, pool.getPoolStats().waiting]).toEqual([false, 4])
    lease.release()
    await clock.advance(1_000)
    expect(order).toEqual(['one', 'two', 'three', 'late'])
    expect(pool.decisions().find(({ kind }) => kind === 'reconfigure')).toMatchObject({ reason: 'changed: queue' })
  })

  it('turns away those whom a queue that fails does not take, and nobody else', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } }, {
      apply: ({ strategy }) => strategy('queue', 'closed', {
        description: 'test',
        options: z.strictObject({}),
        create: () => ({ size: 0, push: () => { throw new Error('not with me') }, remove() {}, next: () => undefined, nextOf: () => undefined, peek: () => undefined }),
      }),
    })
    const lease = await pool.acquire({ key: 'k' })
    const [queued, keyed] = [watched(pool.acquire({ tenant: 'other' })), watched(pool.acquire({ key: 'k' }))]
    await clock.settle()
    await pool.reconfigure({ queue: 'closed' } as never)
    await clock.settle()
    expect([queued.code, keyed.state]).toEqual(['STRATEGY_FAILED', 'pending'])
    lease.release()
    await clock.settle()
    expect(keyed.state).toBe('resolved')
  })

  it('starts sessions for those who wait when size.max grows, and leaves the other sizes as they are', async () => {
    const { pool, clock } = await scene({ size: { min: 1, max: 1, spare: 0 } })
    const leases = Array.from({ length: 3 }, () => watched(pool.acquire()))
    await clock.settle()
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending'])
    await pool.reconfigure({ size: { max: 3 } })
    await clock.advance(100)
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
    expect(pool.getPoolStats().limits).toMatchObject({ min: 1, max: 3, spare: 0 })
  })

  it('ends idle sessions at once when size.max shrinks, and busy ones not before they are released', async () => {
    const { pool, clock } = await scene({ size: { max: 4, spare: 0 } })
    const leases = await Promise.all(['a', 'b', 'c', 'd'].map((key) => pool.acquire({ key })))
    leases[0]!.release()
    await clock.settle()
    await pool.reconfigure({ size: { max: 2 } })
    await clock.advance(100)
    expect(states(pool)).toEqual(['leased', 'leased', 'leased'])
    leases[1]!.release()
    await clock.advance(1_000)
    expect(states(pool)).toEqual(['leased', 'leased'])
  })

  it('brings a size set by hand within the new limits', async () => {
    const { pool, clock } = await scene({ size: { max: 4 } }, { behaviour: { start: { ms: 5_000 } } })
    const reached = watched(pool.scale(4))
    await pool.reconfigure({ size: { max: 2 } })
    await clock.advance(10_000)
    expect([reached.code, states(pool)]).toEqual(['SCALE_SUPERSEDED', ['idle', 'idle']])
    expect(pool.getPoolStats().scaling).toMatchObject({ automatic: false, target: 2 })
  })

  it('lets a tenant have more when size.perTenant grows', async () => {
    const { pool, clock } = await scene({ size: { max: 4, perTenant: 1, spare: 0 } })
    const leases = ['a', 'b', 'c'].map((key) => watched(pool.acquire({ key })))
    await clock.advance(100)
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending'])
    await pool.reconfigure({ size: { perTenant: 2 } })
    await clock.advance(100)
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'pending'])
  })

  it('resolves ready() when size.min is lowered to what is there', async () => {
    const { pool, clock } = await scene({ size: { min: 3, max: 3 } }, { behaviour: { start: { ms: 60_000 } } })
    const ready = watched(pool.ready())
    await pool.reconfigure({ size: { min: 0 } })
    await clock.settle()
    expect(ready.state).toBe('resolved')
  })

  it('counts new time-outs for what begins from then on', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, timeouts: { acquire: '1m' } })
    const lease = await pool.acquire()
    const before = watched(pool.acquire())
    await pool.reconfigure({ timeouts: { acquire: '1s' } })
    const after = watched(pool.acquire())
    await clock.advance(1_000)
    expect([before.state, after.code]).toEqual(['pending', 'ACQUIRE_TIMEOUT'])
    lease.release()
  })

  it('limits the uses of sessions that are there', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, isolation: 'none' })
    const first = await pool.use(({ sessionId }) => sessionId)
    await pool.reconfigure({ maxUses: 2 })
    const second = await pool.use(({ sessionId }) => sessionId)
    await clock.advance(1_000)
    expect([second, await pool.use(({ sessionId }) => sessionId)]).toEqual([first, expect.not.stringMatching(first)])
  })

  it('begins to look after sessions that are there, and stops to', async () => {
    let looked = 0
    const { pool, clock } = await scene({ size: { min: 2, spare: 0 }, health: false }, {
      apply: ({ strategy }) => strategy('health', 'counted', {
        description: 'test', options: z.strictObject({}), create: () => ({ check: async () => ({ healthy: ++looked > 0, reason: 'counted' }) }),
      }),
    })
    await clock.advance(60_000)
    expect(looked).toBe(0)
    await pool.reconfigure({ health: { use: 'counted', every: '10s' } } as never)
    await clock.advance(60_000)
    expect(looked).toBeGreaterThanOrEqual(10)
    const before = looked
    await pool.reconfigure({ health: false })
    await clock.advance(60_000)
    expect(looked).toBe(before)
  })

  it('tells a new balancer of the sessions that are there, of what comes, and of nothing when it is replaced', async () => {
    const heard: string[] = []
    const { pool, clock } = await scene({ size: { min: 2, max: 2, spare: 0 }, isolation: 'none' }, {
      apply: ({ strategy }) => strategy('balancer', 'noting', { description: 'test', options: z.strictObject({}), create: () => noting(heard) }),
    })
    await pool.reconfigure({ balancer: 'noting' } as never)
    expect(numbered(heard.splice(0))).toEqual(['1 joined', '2 joined'])
    await pool.request({ op: 'read' })
    const ended = watched(pool.closeWhere(({ id }) => id.endsWith('-1')))
    await clock.advance(1_000)
    expect(ended.value).toBe(1)
    expect(numbered(heard.splice(0))).toEqual(['2 answered', '1 left', '3 joined'])
    await pool.reconfigure({ balancer: undefined })
    await pool.request({ op: 'read' })
    expect(heard).toEqual([])
  })

  it('tells a new evictor of the sessions that lie idle, and asks it from then on', async () => {
    const heard: string[] = []
    const evictor: Evictor = {
      choose: (idle) => [...idle].at(-1)!,
      idled: (session: SessionView) => void heard.push(`${session.key} idled`),
      used: (session: SessionView) => void heard.push(`${session.key} used`),
    }
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 }, evictor: 'lru' }, {
      apply: ({ strategy }) => strategy('evictor', 'mine', { description: 'test', options: z.strictObject({}), create: () => evictor }),
    })
    for (const key of ['old', 'new']) {
      await pool.use({ key }, () => undefined)
      await clock.advance(1_000)
    }
    await pool.reconfigure({ evictor: 'mine' } as never)
    const other = watched(pool.acquire({ key: 'other' }))
    await clock.advance(1_000)
    expect(heard).toEqual(['old idled', 'new idled', 'other used'])
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(['old', 'other'])
    other.value!.release()
  })

  it('reports a new strategy that fails when it hears of what is there, and takes it all the same (INV 8)', async () => {
    const no = (): never => {
      throw new Error('no')
    }
    const { pool, problems } = await scene({ size: { min: 1, spare: 0 }, isolation: 'none' }, {
      apply: ({ strategy }) => strategy('balancer', 'failing', {
        description: 'test', options: z.strictObject({}), create: () => ({ pick: ([first]: readonly SessionView[]) => first!, joined: no }),
      }),
    })
    await pool.reconfigure({ balancer: 'failing' } as never)
    expect(problems).toEqual([{ problem: new Error('no'), where: "the balancer's joined" }])
    expect(await pool.request({ op: 'read' })).toMatchObject({ notes: [] })
  })

  it('begins to refuse callers, and stops to', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } }, {
      apply: ({ strategy }) => strategy('admission', 'nobody', {
        description: 'test', options: z.strictObject({}), create: () => ({ admit: () => ({ reason: 'not today' }), finished: () => undefined }),
      }),
    })
    const lease = await pool.acquire({ key: 'k' })
    await pool.reconfigure({ admission: 'nobody' } as never)
    expect((await rejection(pool.acquire())).code).toBe('OVERLOADED')
    await pool.reconfigure({ admission: undefined })
    const waiting = watched(pool.acquire({ key: 'k' }))
    lease.release()
    await clock.settle()
    expect(waiting.state).toBe('resolved')
  })

  it('backs off by the new restart policy', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { start: { ms: 0, fails: true } } })
    await pool.reconfigure({ restart: { initial: '1h', maxCrashes: 1, cooldown: '1h' } })
    const lease = watched(pool.acquire({ timeout: '1m' }))
    await clock.advance(1_000)
    expect([lease.code, pool.getPoolStats().breaker]).toEqual(['BREAKER_OPEN', 'open'])
  })

  it('changes nothing when any of it is wrong, and says all that is', async () => {
    const heard: string[] = []
    const { pool } = await scene({ size: { min: 1, max: 2 } }, {
      apply({ strategy }) {
        strategy('balancer', 'noting', { description: 'test', options: z.strictObject({}), create: () => noting(heard) })
        strategy('scaler', 'broken', { description: 'test', options: z.strictObject({}), create: () => { throw new Error('out of order') } })
      },
    })
    const wrong = await rejection(pool.reconfigure({ balancer: 'noting', size: { min: 9 }, evictor: 'lruu' } as never))
    expect(wrong.code).toBe('CONFIG_INVALID')
    expect(wrong.message).toMatch(/size\.min[^]*evictor/)
    const broken = await rejection(pool.reconfigure({ balancer: 'noting', size: { max: 9 }, scaler: 'broken' } as never))
    expect(broken).toMatchObject({ code: 'PLUGIN_FAILED' })
    expect([heard, pool.getPoolStats().limits.max]).toEqual([[], 2])
    await pool.reconfigure({ size: { max: 3 } })
    expect(pool.getPoolStats().limits).toMatchObject({ min: 1, max: 3 })
  })

  it.each([
    [{ driver: 'mcp' }, /"driver" cannot be changed: what may be changed while the pool runs is size, .* make another pool/],
    [{ balancers: 'random' }, /did you mean "balancer"\?/],
    [undefined, /must be an object/],
  ])('refuses %j', async (changes, message) => {
    const { pool } = await scene()
    const error = await rejection(pool.reconfigure(changes as Reconfiguration))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(message)
  })

  it('makes changes one after the other, each on top of the one before', async () => {
    const { pool } = await scene({ size: { max: 2 } })
    await Promise.all([pool.reconfigure({ size: { max: 5 } }), pool.reconfigure({ size: { min: 4 } }), pool.reconfigure({ size: { spare: 2 } })])
    expect(pool.getPoolStats().limits).toMatchObject({ min: 4, max: 5, spare: 2 })
  })

  it('is over when the pool is', async () => {
    const { pool, clock } = await scene()
    const meanwhile = rejection(pool.reconfigure({ balancer: 'random' }))
    const closed = watched(pool.close())
    await clock.advance(10_000)
    expect(closed.state).toBe('resolved')
    expect([(await meanwhile).code, (await rejection(pool.reconfigure({ balancer: 'random' }))).code]).toEqual(['POOL_CLOSED', 'POOL_CLOSED'])
  })
})
