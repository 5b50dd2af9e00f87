import { describe, expect, it } from 'vitest'
import { randomInt } from '../../../src/contracts/index.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import { sessionView } from '../../support/strategies.ts'
import { countPicks, makeBalancer, REQUEST, withLoads } from './support.ts'

const usedAt = (...times: number[]) => times.map((lastUsedAt, n) => sessionView({ id: `s${n}`, lastUsedAt }))

describe('the balancer round-robin', () => {
  it('gives each its turn before any gets another', async () => {
    const { balancer } = await makeBalancer('round-robin')
    const candidates = withLoads(3, 0, 1, 7)
    const rounds = Array.from({ length: 5 }, () => Array.from({ length: 4 }, () => balancer.pick(candidates, REQUEST).id))
    for (const round of rounds) expect([...round].sort()).toEqual(['s0', 's1', 's2', 's3'])
    for (const round of rounds) expect(round).toEqual(rounds[0])
  })

  it('passes nobody over when the list is in another order every time, and others come and go', async () => {
    const { balancer } = await makeBalancer('round-robin')
    const random = seededRandom(3)
    const stay = withLoads(0, 0, 0, 0)
    const turns: string[] = []
    for (let n = 0; n < 400; n++) {
      const candidates = [...stay, sessionView({ id: 'passer-by' })].sort(() => randomInt(random, 3) - 1)
      turns.push(balancer.pick(candidates, REQUEST).id, balancer.pick(candidates, REQUEST).id)
    }
    // The very first time the one that passes by may not have been first.
    for (const { id } of stay) expect(Math.abs(turns.filter((turn) => turn === id).length - 100)).toBeLessThanOrEqual(1)
  })

  it('gives one that was away its turn when it is back, once', async () => {
    const { balancer } = await makeBalancer('round-robin')
    const [away, ...others] = withLoads(0, 0, 0)
    balancer.pick([away!], REQUEST)
    countPicks(balancer, others, 20)
    expect(balancer.pick([...others, away!], REQUEST)).toBe(away)
    expect(balancer.pick([...others, away!], REQUEST)).not.toBe(away)
  })
})

describe('the balancers by last use', () => {
  it('most-recently-used takes the one that was used last, least-recently-used the one that was not for longest', async () => {
    const candidates = usedAt(30, 10, 40, 20)
    const { balancer: most } = await makeBalancer('most-recently-used')
    const { balancer: least } = await makeBalancer('least-recently-used')
    expect(countPicks(most, candidates, 20)).toEqual({ s2: 20 })
    expect(countPicks(least, candidates, 20)).toEqual({ s1: 20 })
  })

  it.each(['most-recently-used', 'least-recently-used'])('%s gives those that were used at the same moment equal chances', async (use) => {
    const { balancer } = await makeBalancer(use)
    const counts = countPicks(balancer, usedAt(20, 20, 20), 3_000)
    for (const id of ['s0', 's1', 's2']) expect(Math.abs(counts[id]! - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
  })
})

describe('the balancer random', () => {
  it('gives each the same chance, whatever it is like', async () => {
    const { balancer } = await makeBalancer('random')
    const counts = countPicks(balancer, withLoads(9, 0, 1), 3_000)
    for (const id of ['s0', 's1', 's2']) expect(Math.abs(counts[id]! - 1_000)).toBeLessThan(5 * Math.sqrt(1_000))
  })
})
