import { describe, expect, it } from 'vitest'
import { z } from '../../src/contracts/index.ts'
import { rejection, scene, states, watched } from '../pool/scene.ts'

describe('scale', () => {
  it('brings the pool to the size asked for, up and down, and turns automatic scaling off', async () => {
    const { pool, clock, control } = await scene({ size: { max: 6, starting: 6 } }, { behaviour: { start: { ms: 100 }, eofMs: 100 } })
    const up = watched(pool.scale(5))
    await clock.advance(99)
    expect(up.state).toBe('pending')
    await clock.advance(1)
    expect(up.state).toBe('resolved')
    expect(pool.getPoolStats()).toMatchObject({ size: 5, idleSessions: 5, scaling: { automatic: false, target: 5, reason: 'set by hand' } })
    const down = watched(pool.scale(2))
    await clock.advance(99)
    expect([down.state, control.live]).toEqual(['pending', 5])
    await clock.advance(1)
    expect([down.state, control.live]).toEqual(['resolved', 2])
    await clock.advance(60_000)
    expect(pool.getPoolStats().size).toBe(2)
  })

  it('never ends a busy session: it is gone when it is released', async () => {
    const { pool, clock } = await scene({ size: { max: 4, spare: 0 } })
    const leases = await Promise.all(['a', 'b', 'c'].map((key) => pool.acquire({ key })))
    const down = watched(pool.scale(1))
    await clock.advance(5_000)
    expect(leases.map(({ signal }) => signal.aborted)).toEqual([false, false, false])
    expect(down.state).toBe('pending')
    leases[0]!.release()
    leases[1]!.release()
    await clock.settle()
    expect(down.state).toBe('resolved')
    expect(states(pool)).toEqual(['leased'])
  })

  it('is superseded by a later call, which nobody needs to listen to', async () => {
    const { pool, clock } = await scene({ size: { max: 4 } }, { behaviour: { start: { ms: 100 } } })
    const unhandled: unknown[] = []
    const note = (problem: unknown): void => void unhandled.push(problem)
    process.on('unhandledRejection', note)
    const first = watched(pool.scale(4))
    void pool.scale(3)
    pool.autoScale(true)
    await clock.advance(1_000)
    await clock.settle()
    process.off('unhandledRejection', note)
    expect(first.code).toBe('SCALE_SUPERSEDED')
    expect(unhandled).toEqual([])
    expect(pool.getPoolStats().scaling.automatic).toBe(true)
  })

  it.each([-1, 0, 6, 2.5, NaN])('refuses %d, which is not a size within min and max', async (size) => {
    const { pool } = await scene({ size: { min: 1, max: 5 } })
    expect((await rejection(pool.scale(size))).code).toBe('ARGUMENT_INVALID')
    expect(pool.getPoolStats().scaling.automatic).toBe(true)
  })

  it('rejects with the cause when starts fail for good', async () => {
    const { pool, clock, control } = await scene({ size: { max: 4 }, restart: { maxCrashes: 2 } })
    control.behaviour.start = { ms: 0, fails: true }
    const up = watched(pool.scale(4))
    await clock.advance(2_000)
    expect(up.code).toBe('BREAKER_OPEN')
  })

  it('still makes room within its size for other tenants', async () => {
    const { pool } = await scene({ size: { max: 4 } })
    await pool.scale(1)
    await pool.use({ tenant: 'a', key: 'k' }, () => undefined)
    expect((await pool.acquire({ tenant: 'b' })).tenant).toBe('b')
    expect(pool.getPoolStats().size).toBe(1)
  })
})

describe('autoScale', () => {
  it('off keeps the size through a crash and a burst; on again follows demand', async () => {
    const { pool, clock, children } = await scene({ size: { max: 6, spare: 3 }, timeouts: { acquire: 500 } })
    pool.autoScale(false)
    expect(() => pool.autoScale('yes' as never)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }))
    children[0]!.crash()
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 3, scaling: { automatic: false, target: 3 } })
    const leases = ['a', 'b', 'c', 'd'].map((tenant) => watched(pool.acquire({ tenant })))
    await clock.advance(1_000)
    expect(leases.map(({ code, state }) => code ?? state)).toEqual(['resolved', 'resolved', 'resolved', 'ACQUIRE_TIMEOUT'])
    pool.autoScale(true)
    pool.autoScale(true)
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 6, idleSessions: 3 })
  })
})

describe('spares', () => {
  it('are refilled the moment one is taken', async () => {
    const { pool, clock, children } = await scene({ size: { spare: 2 } }, { behaviour: { start: { ms: 500 } } })
    await clock.advance(500)
    await pool.acquire()
    await clock.settle()
    expect(children).toHaveLength(3)
    expect(states(pool)).toEqual(['idle', 'leased', 'starting'])
  })

  it('beyond what is wanted go when they have been idle for long; those of tenants keep their own time (INV 22)', async () => {
    const { pool, clock } = await scene({ size: { max: 9, spare: 1 }, timeouts: { idle: 10_000 }, health: false })
    const busy = await pool.acquire({ key: 'busy' })
    expect(await pool.warm(4)).toBe(4)
    await clock.advance(5_000)
    await pool.use({ key: 'k' }, () => undefined)
    await clock.advance(6_000)
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(expect.arrayContaining(['busy', 'k']))
    expect(pool.getPoolStats().size).toBe(3)
    await clock.advance(5_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 2, activeSessions: 1, idleSessions: 1 })
    busy.release()
  })

  it('start a few at a time', async () => {
    const { pool, clock, control } = await scene({ size: { min: 6, starting: 2 } }, { behaviour: { start: { ms: 100 } } })
    expect(control.live).toBe(2)
    await clock.advance(100)
    expect(states(pool)).toEqual(['idle', 'idle', 'starting', 'starting'])
    const ready = watched(pool.ready())
    await clock.advance(200)
    expect(ready.state).toBe('resolved')
  })
})

describe('warm', () => {
  it('adds as many as there is room for, and tells how many are ready', async () => {
    const { pool, clock, control } = await scene({ size: { max: 4, spare: 1 } }, { behaviour: { start: { ms: 50 } } })
    await clock.advance(50)
    control.next({ start: { ms: 50, fails: true } })
    const some = watched(pool.warm(2))
    const more = watched(pool.warm(5))
    expect(await pool.warm(1)).toBe(0)
    expect(await pool.warm(0)).toBe(0)
    await clock.advance(2_000)
    expect([some.value, more.value]).toEqual([1, 1])
    expect((await rejection(pool.warm(-1))).code).toBe('ARGUMENT_INVALID')
  })

  it('ends with what there is when others take the room', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 } }, { behaviour: { start: { ms: 50 } } })
    const warm = watched(pool.warm(2))
    const leases = [1, 2].map(() => watched(pool.acquire()))
    await clock.advance(50)
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    expect(warm.value).toBe(0)
  })

  it('ends with what there is when the breaker opens', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 }, restart: { maxCrashes: 1 } }, { behaviour: { start: { ms: 10, fails: true } } })
    const warm = watched(pool.warm(20))
    await clock.advance(100)
    expect(warm.value).toBe(0)
  })
})

describe('a scaler', () => {
  it('is told what it needs: means and sums over what was measured, unknown otherwise', async () => {
    const views: unknown[] = []
    const { pool, clock, control } = await scene({ size: { min: 3 }, scaler: { use: 'looks' } as never }, {
      apply: (kernel) => kernel.strategy('scaler', 'looks', {
        description: 'test',
        options: z.strictObject({}),
        create: () => ({
          decide: ({ meanCpuPercent, totalMemoryBytes, min }) => {
            views.push([meanCpuPercent, totalMemoryBytes])
            return { target: min, reason: 'test' }
          },
        }),
      }),
    })
    expect(views.at(-1)).toEqual([undefined, undefined])
    const [one, two] = pool.getSessionMetrics()
    control.program(one!.sessionId).child.behaviour.usage = { cpuPercent: 50, memoryBytes: 100 }
    control.program(two!.sessionId).child.behaviour.usage = { memoryBytes: 10 }
    await clock.advance(2_000)
    expect(views.at(-1)).toEqual([50, 110])
  })
})

describe('the scaler', () => {
  it('is asked when there is something new to it, not at every lease', async () => {
    let asked = 0
    const { pool, clock } = await scene({ size: { min: 2, max: 2 }, isolation: 'none', scaler: 'counted' as never }, {
      apply: ({ strategy }) => strategy('scaler', 'counted', {
        description: 'test', options: z.strictObject({}), create: () => ({ decide: () => ({ target: 2, reason: `asked ${++asked} times` }) }),
      }),
    })
    const before = asked
    for (let n = 0; n < 100; n++) (await pool.acquire()).release()
    expect(asked - before).toBeLessThanOrEqual(2)
    const held = [await pool.acquire(), await pool.acquire()]
    await clock.settle()
    const busy = asked
    const crowd = Array.from({ length: 100 }, () => pool.use(() => undefined))
    for (const lease of held) lease.release()
    await Promise.all(crowd)
    expect(asked - busy).toBeLessThanOrEqual(2)
    await clock.advance(10_000)
    expect(asked - busy).toBeGreaterThanOrEqual(10)
  })

  it('is not asked for callers who wait for the session of their key, nor for one more who waits while no session is idle and none may be added', async () => {
    let asked = 0
    const { pool, clock } = await scene({ size: { min: 2, max: 2 }, scaler: 'counted' as never }, {
      apply: ({ strategy }) => strategy('scaler', 'counted', {
        description: 'test', options: z.strictObject({}), create: () => ({ decide: () => ({ target: 2, reason: `asked ${++asked} times` }) }),
      }),
    })
    const held = await pool.acquire({ tenant: 'a', key: 'k' })
    await clock.settle()
    const one = asked
    const sameKey = Array.from({ length: 10 }, async () => {
      const waiting = pool.use({ tenant: 'a', key: 'k' }, () => undefined)
      await clock.settle()
      return waiting
    })
    await clock.settle()
    expect(asked).toBe(one)
    const other = await pool.acquire({ tenant: 'b', key: 'l' })
    await clock.settle()
    const two = asked
    const strangers = Array.from({ length: 10 }, async (_, n) => {
      const waiting = pool.use({ tenant: `stranger ${n}` }, () => undefined)
      await clock.settle()
      return waiting
    })
    await clock.settle()
    expect(asked).toBe(two)
    // Now there is one to make room for them.
    other.release()
    await clock.settle()
    expect(asked).toBeGreaterThan(two)
    held.release()
    await clock.advance(1_000)
    await Promise.all([...sameKey, ...strangers])
  })
})
