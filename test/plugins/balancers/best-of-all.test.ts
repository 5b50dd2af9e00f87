import { describe, expect, it } from 'vitest'
import { sessionView } from '../../support/strategies.ts'
import { countPicks, makeBalancer, REQUEST, withLoads } from './support.ts'

const MB = 2 ** 20
const withMemory = (...bytes: (number | undefined)[]) => bytes.map((memoryBytes, n) => sessionView({ id: `s${n}`, ...(memoryBytes !== undefined && { usage: { memoryBytes } }) }))

describe('the balancer best-of-all', () => {
  it('picks the lowest load when it is told no metric', async () => {
    const { balancer } = await makeBalancer('best-of-all')
    expect(countPicks(balancer, withLoads(3, 1, 2), 50)).toEqual({ s1: 50 })
  })

  it('picks the least memory by the metric memory, whatever the load', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: 'memory' })
    const [big, small, middle] = withMemory(300 * MB, 100 * MB, 200 * MB)
    expect(countPicks(balancer, [big!, { ...small!, load: 2 }, middle!], 50)).toEqual({ s1: 50 })
  })

  it('picks any by the metric random', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: { use: 'random' } })
    const counts = countPicks(balancer, withLoads(5, 0, 1), 3_000)
    for (const id of ['s0', 's1', 's2']) expect(Math.abs(counts[id]! - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
  })

  it('takes what was not measured for neither nothing nor much: it gets the share of one among all', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: 'memory' })
    const counts = countPicks(balancer, withMemory(300 * MB, undefined, 100 * MB, 200 * MB), 4_000)
    expect(Object.keys(counts).sort()).toEqual(['s1', 's2'])
    expect(Math.abs(counts['s1']! - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
  })

  it('judges what was not measured by its load', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: 'memory' })
    const [measured, unknown, other] = withMemory(100 * MB, undefined, undefined)
    expect(countPicks(balancer, [measured!, { ...unknown!, load: 1 }, { ...other!, load: 2 }], 50)).toEqual({ s0: 50 })
    expect(countPicks(balancer, [{ ...measured!, load: 3 }, { ...unknown!, load: 1 }, { ...other!, load: 2 }], 50)).toEqual({ s1: 50 })
  })

  it('gives equals equal chances by any metric', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: 'memory' })
    const counts = countPicks(balancer, withMemory(100 * MB, 100 * MB, 200 * MB, 100 * MB), 3_000)
    for (const id of ['s0', 's1', 's3']) expect(Math.abs(counts[id]! - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
  })

  it('takes the only one without a look at it', async () => {
    const { balancer } = await makeBalancer('best-of-all', { metric: 'random' }, { next: () => { throw new Error('no chance is needed') } })
    const [only] = withLoads(7)
    expect(balancer.pick([only!], REQUEST)).toBe(only)
  })

  it('is told of requests only where its metric wants to know', async () => {
    const ended = async (metric: string): Promise<boolean> => (await makeBalancer('best-of-all', { metric })).balancer.ended !== undefined
    const metrics = ['outstanding', 'memory', 'random', 'peak-ewma', 'latency-percentile']
    expect(await Promise.all(metrics.map(ended))).toEqual([false, false, false, true, true])
  })
})
