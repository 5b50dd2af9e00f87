import { describe, expect, it } from 'vitest'
import type { PoolConfig } from 'greenroom'
import { createInMemoryWorld } from 'greenroom/testing'
import { greenroomErrorOf } from '../../support/rejection.ts'

const NAMES = [
  'best-of-all', 'bounded-hash', 'least-loaded', 'least-recently-used', 'most-recently-used', 'peak-ewma', 'power-of-two', 'random', 'round-robin',
] as const

describe('the options of balancers', () => {
  it.each(NAMES)('%s: its name is enough, and each takes outliers', async (use) => {
    for (const balancer of [use, { use, outliers: { errors: 3, eject: '1m', max: 50, sweep: '5s' } }] as const) {
      const world = createInMemoryWorld()
      const pool = await world.createPool({ balancer, size: { min: 2, max: 3 }, isolation: 'none' })
      await world.clock.settle()
      await pool.use({ tenant: 'a' }, (lease) => lease.request({ op: 'read' }))
      const closed = pool.close()
      await world.clock.runUntilIdle()
      await closed
    }
  })

  it.each<[string, unknown, string]>([
    ['an unknown option', { use: 'round-robin', metric: 'memory' }, 'balancer.metric: unknown option "metric". Known: outliers'],
    ['an unknown metric', { use: 'power-of-two', metric: 'peak-ewm' }, 'balancer.metric: unknown value "peak-ewm", did you mean "peak-ewma"? Known: outstanding'],
    ['an unknown metric by use', { use: 'power-of-two', metric: { use: 'speed' } }, 'Known: outstanding, peak-ewma, latency-percentile, memory, random'],
    ['an option of another metric', { use: 'power-of-two', metric: { use: 'memory', decay: '1s' } }, 'balancer.metric.decay: unknown option "decay"'],
    ['a decay of nothing', { use: 'best-of-all', metric: { use: 'peak-ewma', decay: 0 } }, 'balancer.metric.decay: must be at least 1 ms'],
    ['a decay of nothing, in short', { use: 'peak-ewma', decay: 0 }, 'balancer.decay: must be at least 1 ms'],
    ['a percentile of 0', { use: 'best-of-all', metric: { use: 'latency-percentile', percentile: 0 } }, 'balancer.metric.percentile: Too small: expected number to be >0'],
    ['a percentile above 100', { use: 'best-of-all', metric: { use: 'latency-percentile', percentile: 101 } }, 'balancer.metric.percentile: Too big: expected number to be <=100'],
    ['a window of nothing', { use: 'best-of-all', metric: { use: 'latency-percentile', window: 0 } }, 'balancer.metric.window: must be at least 1 ms'],
    ['a negative epsilon', { use: 'bounded-hash', epsilon: -0.1 }, 'balancer.epsilon: Too small'],
    ['no errors at all', { use: 'random', outliers: { errors: 0 } }, 'balancer.outliers.errors: Too small'],
    ['half an error', { use: 'random', outliers: { errors: 1.5 } }, 'balancer.outliers.errors: expected int'],
    ['an ejection of no time', { use: 'random', outliers: { eject: 0 } }, 'balancer.outliers.eject: must be at least 1 ms'],
    ['more than all', { use: 'random', outliers: { max: 101 } }, 'balancer.outliers.max: Too big'],
    ['nobody at all', { use: 'random', outliers: { max: 0 } }, 'balancer.outliers.max: Too small'],
    ['a sweep without end', { use: 'random', outliers: { sweep: 0 } }, 'balancer.outliers.sweep: must be at least 1 ms'],
    ['an unknown option of outliers', { use: 'least-loaded', outliers: { interval: '10s' } }, 'balancer.outliers.interval: unknown option "interval". Known: errors, eject, max, sweep'],
    ['outliers that are no object', { use: 'least-loaded', outliers: true }, 'balancer.outliers: expected object'],
  ])('are refused when there is %s, in words that help', async (_what, balancer, message) => {
    const config = { balancer: balancer as NonNullable<PoolConfig['balancer']> }
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool(config))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
  })
})
