import { describe, expect, it } from 'vitest'
import { sessionView } from '../../support/strategies.ts'
import { countPicks, makeBalancer, withLoads } from './support.ts'

describe('the balancer power-of-two', () => {
  it('takes the better of every pair as often: the worst never, the best most', async () => {
    const { balancer } = await makeBalancer('power-of-two')
    const rounds = 12_000
    const counts = countPicks(balancer, withLoads(3, 0, 2, 1), rounds)
    // Of six pairs the best is in three, the second best wins two, the third one.
    const expected: Record<string, number> = { s1: rounds / 2, s3: rounds / 3, s2: rounds / 6 }
    expect(counts['s0']).toBeUndefined()
    for (const [id, count] of Object.entries(expected)) expect(Math.abs(counts[id]! - count)).toBeLessThan(5 * Math.sqrt(count))
  })

  it('never draws the same one twice: of two, the better always', async () => {
    const { balancer } = await makeBalancer('power-of-two')
    expect(countPicks(balancer, withLoads(1, 0), 200)).toEqual({ s1: 200 })
  })

  it('gives equals equal chances', async () => {
    const { balancer } = await makeBalancer('power-of-two')
    const counts = countPicks(balancer, withLoads(1, 1, 1, 1, 1), 5_000)
    for (const count of Object.values(counts)) expect(Math.abs(count - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
    expect(Object.keys(counts)).toHaveLength(5)
  })

  it('goes by the metric it is given', async () => {
    const { balancer } = await makeBalancer('power-of-two', { metric: 'memory' })
    const sessions = [{ load: 0, memoryBytes: 200 }, { load: 5, memoryBytes: 100 }].map(({ load, memoryBytes }, n) => sessionView({ id: `s${n}`, load, usage: { memoryBytes } }))
    expect(countPicks(balancer, sessions, 100)).toEqual({ s1: 100 })
  })

  it('goes by load where one was not measured', async () => {
    const { balancer } = await makeBalancer('power-of-two', { metric: 'memory' })
    const measured = sessionView({ id: 'measured', load: 2, usage: { memoryBytes: 1 } })
    expect(countPicks(balancer, [measured, sessionView({ id: 'unknown', load: 1 })], 100)).toEqual({ unknown: 100 })
    expect(countPicks(balancer, [measured, sessionView({ id: 'unknown', load: 3 })], 100)).toEqual({ measured: 100 })
  })
})
