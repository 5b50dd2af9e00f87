import { describe, expect, it } from 'vitest'
import { createInMemoryWorld } from 'greenroom/testing'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { scene } from '../../pool/scene.ts'
import { makeScaler } from './support.ts'

describe('the scaler panic', () => {
  it('keeps the share in use at its target', async () => {
    expect((await makeScaler('panic')).decide({ busy: 7, idleSpare: 3 })).toEqual({ target: 10, reason: '7 busy, 10 by the average' })
    expect((await makeScaler('panic', { target: 0.5 })).target({ busy: 7, idleSpare: 7 })).toBe(14)
    expect((await makeScaler('panic', { target: 1 })).target({ busy: 7, idleBound: 2 })).toBe(9)
  })

  it('goes by the work of the last minute, so that a pause ends nothing', async () => {
    const { target, clock } = await makeScaler('panic', { target: 1, stableWindow: '60s' })
    target({ busy: 10 })
    clock.advance(60_000)
    expect(target({ idleSpare: 10 })).toBe(10)
    clock.advance(30_000)
    expect(target({ idleSpare: 10 })).toBe(5)
    clock.advance(31_000)
    expect(target({ idleSpare: 5 })).toBe(0)
    expect((await makeScaler('panic', { stableWindow: '10s' })).target({ idleSpare: 5 })).toBe(0)
  })

  it('serves who waits, and the spares, in any case', async () => {
    const { target, clock } = await makeScaler('panic')
    target({})
    clock.advance(60_000)
    expect(target({ busy: 3, waiting: 2, spare: 1 })).toBe(6)
  })

  it('panics when the last seconds want twice what there is, and gives nothing up until it has been calm, and one start longer', async () => {
    const { decide, target, clock } = await makeScaler('panic', { target: 1, stableWindow: '60s', panicWindow: '6s', threshold: 2 })
    const calm = { busy: 2, meanStartMs: 10_000 }
    target(calm)
    clock.advance(60_000)
    expect(decide({ ...calm, waiting: 20 }).reason).toBe('2 busy, 20 waited for, 2 by the average')
    clock.advance(3_000)
    expect(decide({ ...calm, waiting: 20 })).toEqual({ target: 22, reason: '2 busy, 20 waited for, 4 by the average, 22 in panic' })
    clock.advance(6_000)
    expect(target({ ...calm, size: 22, idleSpare: 20 })).toBe(22)
    clock.advance(63_999)
    expect(target({ ...calm, size: 22, idleSpare: 20 })).toBe(22)
    clock.advance(2)
    expect(target({ ...calm, size: 22, idleSpare: 20 })).toBeLessThan(22)
  })

  it('counts sessions that are starting as there: what is on its way is no reason for more', async () => {
    const { decide, target, clock } = await makeScaler('panic', { target: 1 })
    target({ busy: 1 })
    clock.advance(60_000)
    expect(decide({ busy: 1, starting: 9, waiting: 9, size: 10 }).reason).not.toContain('panic')
    clock.advance(6_000)
    expect(decide({ busy: 1, starting: 9, waiting: 9, size: 10 }).reason).not.toContain('panic')
  })

  it('panics sooner at a lower threshold, and over a shorter window', async () => {
    const panicsAfter = async (options: object, ms: number): Promise<boolean> => {
      const { target, decide, clock } = await makeScaler('panic', { target: 1, ...options })
      target({ busy: 4 })
      clock.advance(60_000)
      target({ busy: 4, waiting: 8 })
      clock.advance(ms)
      return decide({ busy: 4, waiting: 8 }).reason.includes('panic')
    }
    expect(await panicsAfter({}, 2_000)).toBe(false)
    expect(await panicsAfter({}, 4_000)).toBe(true)
    expect(await panicsAfter({ threshold: 1.5 }, 2_000)).toBe(true)
    expect(await panicsAfter({ panicWindow: '2s' }, 2_000)).toBe(true)
  })

  it('keeps the capacity of a burst for the next one, in a pool', async () => {
    const { pool, clock } = await scene({ size: { max: 20, spare: 1, starting: 20 }, isolation: 'none', timeouts: { idle: '1s' }, scaler: 'panic' })
    const leases = await Promise.all(Array.from({ length: 10 }, () => pool.acquire()))
    await clock.advance(10_000)
    for (const lease of leases) lease.release()
    await clock.advance(20_000)
    expect(pool.getPoolStats().size).toBeGreaterThanOrEqual(10)
    await clock.advance(180_000)
    expect(pool.getPoolStats().size).toBe(1)
  })

  it.each<[string, object, string]>([
    ['an unknown option', { window: 5 }, 'scaler.window: unknown option "window". Known: target, stableWindow, panicWindow, threshold'],
    ['a target above 1', { target: 1.5 }, 'scaler.target: Too big'],
    ['a target of nothing', { target: 0 }, 'scaler.target: Too small'],
    ['a threshold below 1', { threshold: 0.5 }, 'scaler.threshold: Too small'],
    ['a stable window of no time', { stableWindow: '1ms' }, 'scaler.stableWindow: must be at least 1000 ms'],
    ['a panic window of no time', { panicWindow: '1ms' }, 'scaler.panicWindow: must be at least 100 ms'],
    ['a panic window that is the longer one', { panicWindow: '2m' }, 'scaler: panicWindow must be shorter than stableWindow'],
  ])('refuses %s', async (_what, options, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ scaler: { use: 'panic', ...options } }))
    expect(error.message).toContain(message)
  })
})
