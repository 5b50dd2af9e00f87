import { describe, expect, it } from 'vitest'
import { GUARANTEES, type KeyPast, type ParkedSession, type Pool, type Store, z } from '../../src/contracts/index.ts'
import type { Kernel } from '../../src/contracts/index.ts'
import { plainStore } from '../support/plain-store.ts'
import { notesOf, scene, states, watched, write } from './scene.ts'

const PARKS = { park: true, resetGuarantees: GUARANTEES }
const CONFIG = { size: { max: 3, spare: 0 }, timeouts: { idle: 1_000, settle: 500 }, health: false } as const

async function leave(pool: Pool, key: string): Promise<void> {
  await pool.use({ key }, (lease) => lease.request(write(key)))
}

describe('a key whose session was idle for long', () => {
  it('is parked, and resumed on a fresh process when it comes back', async () => {
    const { pool, clock, control } = await scene(CONFIG, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 1 })
    expect(control.live).toBe(0)
    const lease = await pool.acquire({ key: 'k' })
    expect(await notesOf(lease)).toEqual(['k'])
    expect(pool.getPoolStats()).toMatchObject({ parked: 0 })
  })

  it.each([false, true])('is known with its past when it is resumed (as the program starts: %s)', async (resumesAtSpawn) => {
    const pasts: (KeyPast | undefined)[] = []
    const { pool, clock } = await scene(CONFIG, {
      capabilities: { ...PARKS, resumesAtSpawn },
      apply: ({ hooks }) => hooks.released.tap('test', ({ past }) => void pasts.push(past)),
    })
    const begun = clock.wallTime()
    for (let n = 0; n < 3; n++) {
      await leave(pool, 'k')
      await clock.advance(500)
    }
    await clock.advance(1_500)
    await leave(pool, 'k')
    await clock.advance(2_000)
    await leave(pool, 'k')
    const past = (uses: number, after: number): KeyPast => ({ uses, firstUsedAt: begun, lastUsedAt: begun + after })
    expect(pasts).toEqual([undefined, undefined, undefined, past(3, 1_000), past(4, 3_000)])
  })

  it('is served as resumed from a spare', async () => {
    const { pool, clock } = await scene({ ...CONFIG, size: { max: 3, spare: 1 } }, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(2_000)
    const lease = await pool.acquire({ key: 'k' })
    expect(lease.served).toBe('resumed')
    expect(pool.getPoolStats().acquires.resumed).toBe(1)
  })

  it('is never resumed on a session that has served somebody, nor forgotten for one', async () => {
    const { pool, clock } = await scene({ ...CONFIG, size: { max: 1, spare: 0 } }, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    const oneOff = await pool.acquire()
    const waiting = watched(pool.acquire({ key: 'k' }))
    const other = watched(pool.acquire({ key: 'other' }))
    await clock.settle()
    oneOff.release()
    await clock.settle()
    // The clean session serves the one who needs nothing restored, though it asked later.
    expect([waiting.state, other.state]).toEqual(['pending', 'resolved'])
    other.value!.release()
    await clock.settle()
    expect(await notesOf(waiting.value!)).toEqual(['k'])
    waiting.value!.release()
  })

  it('takes a fresh session rather than an idle one of its tenant', async () => {
    const { pool, clock } = await scene(CONFIG, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    await pool.use(() => undefined)
    await clock.settle()
    expect(states(pool)).toEqual(['idle'])
    expect(await notesOf(await pool.acquire({ key: 'k' }))).toEqual(['k'])
  })

  it('is parked too when its session makes room for another', async () => {
    const { pool } = await scene({ ...CONFIG, size: { max: 1, spare: 0 } }, { capabilities: PARKS })
    await leave(pool, 'k1')
    await leave(pool, 'k2')
    expect(pool.getPoolStats().parked).toBe(1)
    expect(await notesOf(await pool.acquire({ key: 'k1' }))).toEqual(['k1'])
  })

  it('waits for the end of the parking when it comes back meanwhile, and finds its state', async () => {
    const { pool, clock } = await scene(CONFIG, { capabilities: PARKS, behaviour: { park: { ms: 100 }, eofMs: 50 } })
    await leave(pool, 'k')
    await clock.advance(1_050)
    const back = watched(pool.acquire({ key: 'k' }))
    await clock.advance(99)
    expect(back.state).toBe('pending')
    await clock.advance(1)
    expect(await notesOf(back.value!)).toEqual(['k'])
  })

  it.each([
    ['fails', { ms: 10, fails: true }], ['hangs', { ms: Infinity }],
  ])('loses its state, and that is reported, when parking %s', async (_what, park) => {
    const { pool, clock, problems } = await scene(CONFIG, { capabilities: PARKS, behaviour: { park } })
    await leave(pool, 'k')
    await clock.advance(1_500)
    expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 0 })
    expect(problems[0]!.where).toContain('the state of its key is lost')
  })

  it('is not parked when its session speaks unasked meanwhile', async () => {
    const { pool, clock, programs } = await scene(CONFIG, { capabilities: PARKS, behaviour: { park: { ms: 100 } } })
    await leave(pool, 'k')
    await clock.advance(1_050)
    programs[0]!.say('psst')
    await clock.advance(100)
    expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 0 })
  })
})

describe('a state that can be restored only as the program starts', () => {
  const AT_SPAWN = { park: true, resumesAtSpawn: true, bind: true }

  it('is, in another process of the session that the key gets, once the first is gone (INV 9)', async () => {
    const { pool, clock, control, children } = await scene({ ...CONFIG, size: { max: 1, spare: 1 } }, { capabilities: AT_SPAWN, behaviour: { killMs: 100 } })
    await leave(pool, 'k')
    await clock.advance(1_100)
    expect(pool.getPoolStats()).toMatchObject({ parked: 1, idleSessions: 1 })
    const spare = children.at(-1)!
    const back = watched(pool.acquire({ key: 'k' }))
    await clock.advance(99)
    expect([back.state, spare.alive, pool.getPoolStats().parked]).toEqual(['pending', true, 0])
    await clock.advance(1)
    expect(back.value!.served).toBe('resumed')
    expect(await notesOf(back.value!)).toEqual(['k'])
    expect([spare.signals, control.peak]).toEqual([['SIGKILL'], 1])
    expect(control.program(back.value!.sessionId).child).not.toBe(children.at(-1))
    const { started, crashes } = pool.getPoolStats()
    expect([started, crashes]).toEqual([3, 0])
  })

  it.each([
    ['fails', { start: { ms: 10, fails: true } }, 'START_FAILED'],
    ['hangs', { start: { ms: Infinity } }, 'START_FAILED'],
    ['ends', { start: { ms: 10, fails: true }, startFailure: 'exits' as const }, 'START_FAILED'],
  ])('is kept when the start with it %s', async (_what, behaviour, code) => {
    const { pool, clock, control } = await scene(
      { ...CONFIG, timeouts: { ...CONFIG.timeouts, start: 1_000 }, size: { max: 1, spare: 1 } }, { capabilities: AT_SPAWN },
    )
    await leave(pool, 'k')
    await clock.advance(1_100)
    control.next(behaviour)
    const first = watched(pool.acquire({ key: 'k' }))
    await clock.advance(1_000)
    expect(first.code).toBe(code)
    await clock.advance(1_000)
    expect(pool.getPoolStats().parked).toBe(1)
    expect(await notesOf(await pool.acquire({ key: 'k' }))).toEqual(['k'])
  })

  describe('for a caller who waits for a process', () => {
    const FULL = { ...CONFIG, size: { max: 1, spare: 0 } } as const
    const TWO = { ...CONFIG, size: { max: 2, spare: 0, starting: 1 } } as const

    it.each([[false], [true]])('is, in the one process that is started for it (bound at the spawn: %s)', async (bindsAtSpawn) => {
      const { pool, clock, control, children } = await scene(FULL, { capabilities: { ...AT_SPAWN, bindsAtSpawn }, behaviour: { start: { ms: 100 } } })
      control.behaviour.start = { ms: 100 }
      const lease = watched(pool.acquire({ key: 'k' }))
      await clock.advance(100)
      await lease.value!.request(write('k'))
      lease.value!.release()
      await clock.advance(1_000)
      expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 1 })
      const before = children.length
      const [back, next] = [watched(pool.acquire({ key: 'k' })), watched(pool.acquire({ key: 'k' }))]
      await clock.advance(99)
      expect([back.state, pool.getPoolStats().parked]).toEqual(['pending', 0])
      await clock.advance(1)
      expect([await notesOf(back.value!), back.value!.served, children.length - before, next.state]).toEqual([['k'], 'started', 1, 'pending'])
      back.value!.release()
      await clock.settle()
      expect([await notesOf(next.value!), next.value!.served]).toEqual([['k'], 'same-key'])
      expect(pool.getPoolStats()).toMatchObject({ started: 2, starting: 0, waiting: 0 })
    })

    it('is while others wait for theirs: each is started once, in turn, and no more at a time than may', async () => {
      const { pool, clock, control, children } = await scene(TWO, { capabilities: AT_SPAWN })
      for (const key of ['k1', 'k2', 'k3']) await leave(pool, key)
      await clock.advance(1_100)
      expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 3 })
      const before = children.length
      control.behaviour.start = { ms: 100 }
      const back = ['k1', 'k2', 'k3'].map((key) => watched(pool.acquire({ key })))
      await clock.advance(50)
      expect(children.length - before).toBe(1)
      await clock.advance(50)
      expect(back.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending'])
      await clock.advance(100)
      expect(await notesOf(back[1]!.value!)).toEqual(['k2'])
      back[1]!.value!.release()
      await clock.advance(1_200)
      expect(await notesOf(back[2]!.value!)).toEqual(['k3'])
      expect([children.length - before, control.peak]).toEqual([3, 2])
    })

    it('does not come before those who came first and need no certain process', async () => {
      const { pool, clock } = await scene(FULL, { capabilities: AT_SPAWN })
      await leave(pool, 'k')
      await clock.advance(1_100)
      const holder = await pool.acquire()
      const [plain, back] = [watched(pool.acquire()), watched(pool.acquire({ key: 'k' }))]
      holder.release()
      await clock.settle()
      expect([plain.state, back.state]).toEqual(['resolved', 'pending'])
      plain.value!.release()
      await clock.settle()
      expect(await notesOf(back.value!)).toEqual(['k'])
    })

    it('is kept when it cannot be started with; then a start without it is tried before the next', async () => {
      const { pool, clock, control, children } = await scene(FULL, { capabilities: AT_SPAWN })
      await leave(pool, 'k')
      await clock.advance(1_100)
      const before = children.length
      control.behaviour.start = { ms: 10, fails: true }
      const first = watched(pool.acquire({ key: 'k' }))
      await clock.advance(10)
      expect([first.code, children.length - before, pool.getPoolStats().breaker]).toEqual(['START_FAILED', 1, 'closed'])
      await clock.settle()
      expect(pool.getPoolStats().parked).toBe(1)
      const second = watched(pool.acquire({ key: 'k' }))
      await clock.advance(10)
      expect(children.at(-1)!.spec.env).toBeUndefined()
      control.behaviour.start = { ms: 10 }
      await clock.advance(10_000)
      expect(await notesOf(second.value!)).toEqual(['k'])
      second.value!.release()
      await clock.advance(1_100)
      const last = children.length
      const third = watched(pool.acquire({ key: 'k' }))
      await clock.advance(10)
      expect([await notesOf(third.value!), children.length - last]).toEqual([['k'], 1])
    })

    it('is started without it when another host has taken it meanwhile', async () => {
      let there = true
      const taken: Store = { put: async () => undefined, take: async () => void (there = false), has: () => there, size: 1 }
      const { pool, clock, children } = await scene({ ...FULL, store: 'shared' as never }, {
        capabilities: AT_SPAWN,
        apply: (kernel) => kernel.strategy('store', 'shared', { description: 'A store for this test.', options: z.strictObject({}), create: () => taken }),
      })
      const lease = await pool.acquire({ key: 'k' })
      expect([await notesOf(lease), children.length, children[0]!.spec.env]).toEqual([[], 1, undefined])
      lease.release()
      await clock.settle()
    })

    it('is kept when its caller gives up meanwhile', async () => {
      const { pool, clock, control } = await scene(FULL, { capabilities: AT_SPAWN })
      await leave(pool, 'k')
      await clock.advance(1_100)
      control.behaviour.start = { ms: 100 }
      const back = watched(pool.acquire({ key: 'k', timeout: 50 }))
      await clock.advance(50)
      expect(back.code).toBe('ACQUIRE_TIMEOUT')
      await clock.advance(1_000)
      expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 1 })
    })
  })

  it('is kept when the pool is closed meanwhile, and nothing is started any more', async () => {
    const { pool, clock, control, children } = await scene({ ...CONFIG, size: { max: 1, spare: 1 } }, { capabilities: AT_SPAWN, behaviour: { killMs: 100 } })
    await leave(pool, 'k')
    await clock.advance(1_100)
    const back = watched(pool.acquire({ key: 'k' }))
    await clock.advance(50)
    const before = children.length
    const closed = watched(pool.close({ grace: 0 }))
    await clock.advance(1_000)
    expect([back.code, closed.state, control.live, children.length]).toEqual(['POOL_CLOSED', 'resolved', 0, before])
  })
})

describe('a session that is to be ended for its age or its uses', () => {
  it('is parked, so that its key finds its state in another', async () => {
    const { pool, clock } = await scene({ ...CONFIG, maxUses: 1 }, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.settle()
    expect(pool.getPoolStats().parked).toBe(1)
    expect(await notesOf(await pool.acquire({ key: 'k' }))).toEqual(['k'])
  })

  it('is parked also when it is idle then', async () => {
    const { pool, clock } = await scene(
      { ...CONFIG, timeouts: { idle: false, total: 1_000 }, health: false }, { capabilities: PARKS },
    )
    await leave(pool, 'k')
    await clock.advance(1_100)
    expect(pool.getPoolStats().parked).toBe(1)
  })
})

describe('a store that outlives the host', () => {
  it('has the state of every idle key when the pool is closed, and of those released within the grace', async () => {
    const records = new Map<string, ParkedSession>()
    const store: Store = {
      persistent: true,
      put: async (record) => void records.set(record.key, record),
      take: async () => undefined,
      has: () => false,
      get size() {
        return records.size
      },
    }
    const { pool, clock } = await scene({ ...CONFIG, store: 'lasting' as never }, {
      capabilities: PARKS,
      apply: (kernel) => kernel.strategy('store', 'lasting', { description: 'A store for this test.', options: z.strictObject({}), create: () => store }),
    })
    await leave(pool, 'idle')
    const late = await pool.acquire({ key: 'late' })
    const never = await pool.acquire({ key: 'never' })
    const closed = watched(pool.close({ grace: 1_000 }))
    await clock.advance(500)
    late.release()
    await clock.advance(2_000)
    expect(closed.state).toBe('resolved')
    expect([...records.keys()].sort()).toEqual(['idle', 'late'])
    expect(() => never.handle('x', () => undefined)).toThrow()
  })
})

describe('a resume', () => {
  it.each([
    ['fails', { ms: 10, fails: true }, undefined, 'START_FAILED'],
    ['hangs', { ms: Infinity }, undefined, 'START_FAILED'],
    ['takes longer than the caller waits', { ms: 5_000 }, 100, 'ACQUIRE_TIMEOUT'],
  ])('that %s costs its session and its caller the try, but not the state', async (_what, resume, timeout, code) => {
    const { pool, clock, control } = await scene({ ...CONFIG, timeouts: { ...CONFIG.timeouts, start: 1_000 } }, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    control.next({ resume })
    const first = watched(pool.acquire({ key: 'k', ...(timeout !== undefined && { timeout }) }))
    await clock.advance(1_000)
    expect(first.code).toBe(code)
    expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 1 })
    expect(await notesOf(await pool.acquire({ key: 'k' }))).toEqual(['k'])
  })

  it('whose caller gives up keeps the state for the next', async () => {
    const { pool, clock, control } = await scene(CONFIG, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    control.next({ resume: { ms: 100 } })
    const controller = new AbortController()
    const first = watched(pool.acquire({ key: 'k', signal: controller.signal }))
    const second = watched(pool.acquire({ key: 'k' }))
    await clock.advance(50)
    controller.abort()
    await clock.advance(100)
    expect(first.code).toBe('ACQUIRE_ABORTED')
    expect(await notesOf(second.value!)).toEqual(['k'])
  })
})

describe('scaling down', () => {
  it('ends as many sessions as are too many, though their parking takes time', async () => {
    const { pool, clock } = await scene({ ...CONFIG, timeouts: { idle: false, settle: '10s' } }, { capabilities: PARKS, behaviour: { park: { ms: 3_500 } } })
    for (const key of ['k1', 'k2', 'k3']) await leave(pool, key)
    const scaled = watched(pool.scale(2))
    await clock.advance(10_000)
    expect(scaled.state).toBe('resolved')
    expect(pool.getPoolStats()).toMatchObject({ size: 2, parked: 1, idleSessions: 2 })
  })

  it('makes room for one caller by parking one session, though it takes time', async () => {
    const { pool, clock } = await scene({ ...CONFIG, timeouts: { idle: false, settle: '10s' } }, { capabilities: PARKS, behaviour: { park: { ms: 3_500 } } })
    for (const key of ['k1', 'k2', 'k3']) await leave(pool, key)
    const waiting = watched(pool.acquire({ key: 'k4' }))
    await clock.advance(3_500)
    expect(waiting.state).toBe('resolved')
    await clock.advance(10_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 3, parked: 1 })
  })
})

describe("isolation 'none'", () => {
  it('parks nothing: its sessions hold nothing', async () => {
    const { pool, clock } = await scene({ ...CONFIG, isolation: 'none' }, { capabilities: PARKS })
    await leave(pool, 'k')
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 0, parked: 0 })
  })
})

describe('a store that fails', () => {
  const working = plainStore()
  const { records } = working
  const using = (store: Partial<Store>) => (kernel: Kernel): void => {
    records.clear()
    kernel.strategy('store', 'test', { description: 'test', options: z.strictObject({}), create: () => Object.assign(Object.create(working) as Store, store) })
  }
  const config = { ...CONFIG, store: { use: 'test' } as never }

  it.each([
    ['rejects', () => Promise.reject(new Error('disk full'))],
    ['throws', () => {
      throw new Error('disk full')
    }],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('when it keeps a state (%s) is reported, and the session is ended all the same', async (_what, put) => {
    const { pool, clock, problems } = await scene(config, { capabilities: PARKS, apply: using({ put }) })
    await leave(pool, 'k')
    await clock.advance(1_500)
    expect(states(pool)).toEqual([])
    expect(problems).toHaveLength(1)
  })

  it.each([
    ['take', { has: () => true, take: () => Promise.reject(new Error('disk gone')) }],
    ['take, for ever', { has: () => true, take: () => new Promise<never>(() => undefined) }],
    ['has', { has: () => {
      throw new Error('disk gone')
    }, take: () => Promise.reject(new Error('disk gone')) }],
  ])('when it is asked for a state (%s) is no reason to begin without it: the caller hears of it', async (_what, store) => {
    const { pool, clock } = await scene({ ...config, timeouts: { ...CONFIG.timeouts, start: 1_000 } }, { capabilities: PARKS, apply: using(store) })
    const lease = watched(pool.acquire({ key: 'k' }))
    await clock.advance(1_000)
    expect(lease.code).toBe('START_FAILED')
    expect(states(pool)).toEqual([])
  })

  it('late: what it gives to a caller who has gone is put back', async () => {
    let give!: (record: ParkedSession) => void
    const record = { tenant: 'default', key: 'k', token: '["x"]', parkedAt: 0 }
    const late = using({ has: () => true, take: () => new Promise((resolve) => (give = resolve)) })
    const { pool, clock } = await scene(config, { capabilities: PARKS, apply: late })
    const lease = watched(pool.acquire({ key: 'k', timeout: 100 }))
    await clock.advance(100)
    expect(lease.code).toBe('ACQUIRE_TIMEOUT')
    give(record)
    await clock.settle()
    expect(records.get('k')).toEqual({ ...record, token: '["greenroom","in-memory","[\\"x\\"]"]' })
  })

  it("that has another driver's state of a key keeps it: the caller hears of it, and others are served", async () => {
    const { pool, clock } = await scene(config, { capabilities: PARKS, apply: using({}) })
    const record = { tenant: 'default', key: 'k', token: '["greenroom","acp","their token"]', parkedAt: 0 }
    records.set('k', record)
    const lease = watched(pool.acquire({ key: 'k' }))
    await clock.settle()
    expect([lease.code, (lease.error as Error).message]).toEqual(['STORE_FAILED', expect.stringMatching(/parked by the driver acp, and this pool has in-memory.*store\.path/)])
    expect([...records.values()]).toEqual([record])
    const other = watched(pool.acquire({ key: 'other' }))
    await clock.settle()
    expect(other.state).toBe('resolved')
  })

  it('when it is closed does not keep the pool from closing', async () => {
    const { pool, clock, problems } = await scene(config, { apply: using({ close: () => new Promise<never>(() => undefined) }) })
    const closed = watched(pool.close())
    await clock.advance(10_000)
    expect(closed.state).toBe('resolved')
    expect(problems[0]!.where).toBe('closing the store')
  })
})
