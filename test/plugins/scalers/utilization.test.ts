import { describe, expect, it } from 'vitest'
import { createInMemoryWorld } from 'greenroom/testing'
import type { ScaleView } from '../../../src/contracts/index.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { scene } from '../../pool/scene.ts'
import { makeScaler } from './support.ts'

/** So many shared sessions, all but one in use, each with so much CPU and memory. */
const measured = (size: number, cpu: number, memory = 100, count = size): Partial<ScaleView> => ({
  size, busy: Math.ceil(size * 0.6), meanCpuPercent: cpu, totalCpuPercent: cpu * count, meanMemoryBytes: memory, totalMemoryBytes: memory * count,
})

describe('the scaler utilization', () => {
  it('grows in proportion, at once, when the CPU is beyond the threshold', async () => {
    const { decide } = await makeScaler('utilization', { targetCpu: 50, scaleUpThreshold: 0.8 })
    // 100 % where 40 % is the threshold: 2.5 times as many.
    expect(decide(measured(10, 100))).toEqual({ target: 25, reason: 'load 200 % (CPU): too few' })
  })

  it('grows by memory when that is the greater load', async () => {
    const { decide } = await makeScaler('utilization', { targetMemory: 100, targetCpu: 1_000 })
    expect(decide(measured(10, 10, 200))).toEqual({ target: 25, reason: 'load 200 % (memory): too few' })
    const without = await makeScaler('utilization', { targetCpu: 1_000 })
    expect(without.target(measured(10, 10, 1e12))).toBe(10)
  })

  it('grows by the share in use, and serves those who wait and the spares in any case', async () => {
    const { target } = await makeScaler('utilization')
    expect(target({ size: 10, busy: 10 })).toBe(13)
    expect(target({ size: 10, busy: 10, waiting: 30 })).toBe(50)
    expect((await makeScaler('utilization')).target({ waiting: 3 })).toBe(3)
    expect((await makeScaler('utilization')).decide({ spare: 2 })).toEqual({ target: 2, reason: 'no session yet, 2 needed for the work and its spares' })
    expect((await makeScaler('utilization')).decide({ min: 4 })).toEqual({ target: 4, reason: 'no session yet' })
  })

  it('does nothing between the thresholds, nor within the tolerance around them', async () => {
    const { target } = await makeScaler('utilization', { targetCpu: 100, scaleUpThreshold: 0.8, scaleDownThreshold: 0.7, tolerance: 0.1, stabilization: 0 })
    for (const cpu of [64, 75, 87]) expect(target(measured(10, cpu))).toBe(10)
    expect(target(measured(10, 89))).toBe(12)
    const strict = await makeScaler('utilization', { targetCpu: 100, scaleUpThreshold: 0.8, scaleDownThreshold: 0.7, tolerance: 0, stabilization: 0 })
    expect(strict.target(measured(10, 87))).toBe(11)
    strict.target(measured(10, 75))
    strict.clock.advance(1)
    expect(strict.target(measured(10, 64))).toBe(10)
    strict.clock.advance(1)
    expect(strict.target({ ...measured(10, 40), busy: 4 })).toBe(6)
  })

  it('shrinks to the most that was wanted within the window, and not before', async () => {
    const { decide, target, clock } = await makeScaler('utilization', { stabilization: '2m' })
    expect(target({ size: 10, busy: 7 })).toBe(10)
    clock.advance(60_000)
    expect(decide({ size: 10, busy: 1 })).toEqual({
      target: 10, reason: 'load 10 % (sessions in use): too many, 10 were wanted within the stabilization window',
    })
    clock.advance(30_000)
    expect(target({ size: 10, busy: 2 })).toBe(10)
    clock.advance(30_001)
    expect(target({ size: 10, busy: 1 })).toBe(4)
    clock.advance(89_000)
    expect(target({ size: 4, busy: 1 })).toBe(4)
  })

  it('keeps for the window what others have added', async () => {
    const { target, clock } = await makeScaler('utilization', { stabilization: '1m' })
    expect(target({ size: 2, busy: 1 })).toBe(2)
    clock.advance(120_000)
    expect(target({ size: 9, busy: 1 })).toBe(9)
    clock.advance(59_000)
    expect(target({ size: 9, busy: 1 })).toBe(9)
    clock.advance(2_000)
    expect(target({ size: 9, busy: 1 })).toBe(2)
  })

  it('takes sessions that were not measured for idle where it would grow, and for the mean where it would shrink', async () => {
    const { target } = await makeScaler('utilization', { targetCpu: 100, stabilization: 0 })
    // Ten are loaded, and ten were just started: no more for the moment.
    expect(target({ ...measured(20, 120, 100, 10), busy: 10 })).toBe(20)
    expect(target({ ...measured(20, 70, 100, 1), busy: 2 })).toBe(20)
  })

  it('leaves out what is not known (INV 27)', async () => {
    const { target } = await makeScaler('utilization', { targetMemory: 1 })
    expect(target({ size: 10, busy: 7 })).toBe(10)
  })

  it('scales a pool by what was measured, and parks idle sessions of tenants when there are too many', async () => {
    const { pool, clock, control } = await scene({
      size: { max: 8, spare: 0 }, isolation: 'tenant', timeouts: { idle: false, total: false },
      scaler: { use: 'utilization', targetCpu: 50, stabilization: '30s' },
    })
    const lease = await pool.acquire({ key: 'k' })
    control.program(lease.sessionId).child.behaviour.usage = { cpuPercent: 100, memoryBytes: 100 }
    await clock.advance(2_000)
    expect(pool.getPoolStats().scaling).toMatchObject({ target: 3 })
    control.program(lease.sessionId).child.behaviour.usage = { cpuPercent: 1, memoryBytes: 100 }
    for (const key of ['b', 'c']) await pool.use({ key }, () => undefined)
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 1, idleSessions: 2 })
    await clock.advance(40_000)
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(['k', 'c'])
    lease.release()
  })

  it.each<[string, object, string]>([
    ['an unknown option', { cpu: 5 }, 'scaler.cpu: unknown option "cpu". Known: targetCpu, targetMemory, scaleUpThreshold'],
    ['a target of nothing', { targetCpu: 0 }, 'scaler.targetCpu: Too small'],
    ['no memory', { targetMemory: '0MB' }, 'scaler.targetMemory: must be at least 1 bytes'],
    ['a threshold above 1', { scaleUpThreshold: 1.1 }, 'scaler.scaleUpThreshold: Too big'],
    ['a threshold below 0', { scaleDownThreshold: -0.1 }, 'scaler.scaleDownThreshold: Too small'],
    ['thresholds the wrong way round', { scaleUpThreshold: 0.4 }, 'scaler: scaleDownThreshold must be less than scaleUpThreshold'],
    ['a tolerance above 1', { tolerance: 2 }, 'scaler.tolerance: Too big'],
    ['a window that is none', { stabilization: 'soon' }, 'scaler.stabilization: "soon" is not a duration'],
  ])('refuses %s', async (_what, options, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ scaler: { use: 'utilization', ...options } }))
    expect(error.message).toContain(message)
  })
})
