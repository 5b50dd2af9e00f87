import { describe, expect, it } from 'vitest'
import leastLoaded from '../../../plugins/balancers/least-loaded.ts'
import type { Balancer, Random, SessionView } from '../../../src/contracts/index.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const REQUEST = { tenant: 'a', key: undefined, priority: 0 }
const make = async (random: Random): Promise<Balancer> => (await makeStrategy('balancer', 'least-loaded', leastLoaded, {}, { random })).strategy
const withLeases = (...outstanding: number[]): SessionView[] => outstanding.map((count, n) => sessionView({ id: `s${n}`, outstanding: count }))

/** The candidates, and how often one of them was looked at. */
function watched(candidates: readonly SessionView[]): { candidates: SessionView[]; looks: () => number } {
  let looks = 0
  const counted = candidates.map(({ load, ...session }) => Object.defineProperty(session, 'load', {
    get: () => {
      looks++
      return load
    },
  }) as SessionView)
  return { candidates: counted, looks: () => looks }
}

describe('the balancer least-loaded', () => {
  it('picks one with the fewest leases, wherever it begins to look', async () => {
    const candidates = withLeases(3, 2, 1, 4, 2)
    for (const start of candidates.keys()) {
      const balancer = await make({ next: () => start / candidates.length })
      expect(balancer.pick(candidates, REQUEST).id).toBe('s2')
    }
  })

  it('gives the only candidate without any chance', async () => {
    const balancer = await make({ next: () => { throw new Error('no chance is needed') } })
    const [only] = withLeases(7)
    expect(balancer.pick([only!], REQUEST)).toBe(only)
  })

  it.each([['idle', 0], ['equally busy', 2]])('gives sessions that are %s equal chances', async (_what, outstanding) => {
    const candidates = withLeases(...new Array<number>(8).fill(outstanding))
    const balancer = await make(seededRandom(7))
    const picks = new Map<string, number>()
    const ROUNDS = 16_000
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = balancer.pick(candidates, REQUEST)
      picks.set(id, (picks.get(id) ?? 0) + 1)
    }
    // Five standard deviations of a fair choice.
    const fair = ROUNDS / candidates.length
    const spread = 5 * Math.sqrt(fair * (1 - 1 / candidates.length))
    expect(picks.size).toBe(candidates.length)
    for (const count of picks.values()) expect(Math.abs(count - fair)).toBeLessThan(spread)
  })

  it('gives a session that has become free its share again', async () => {
    const candidates = withLeases(0, 0, 0)
    const balancer = await make(seededRandom(3))
    const recovering = { ...candidates[0]!, outstanding: 1, load: 1 }
    for (let round = 0; round < 100; round++) expect(balancer.pick([recovering, ...candidates.slice(1)], REQUEST).id).not.toBe('s0')
    const later = Array.from({ length: 300 }, () => balancer.pick(candidates, REQUEST).id).filter((id) => id === 's0')
    expect(later.length).toBeGreaterThan(60)
  })

  it('looks at one session only while that has nothing to do, however many there are', async () => {
    const { candidates, looks } = watched(withLeases(...new Array<number>(10_000).fill(0)))
    const balancer = await make(seededRandom(1))
    balancer.pick(candidates, REQUEST)
    expect(looks()).toBeLessThanOrEqual(2)
  })

  it('soon finds one that has nothing to do, while many have', async () => {
    const { candidates, looks } = watched(withLeases(...Array.from({ length: 10_000 }, (_, n) => (n % 10 === 0 ? 0 : 1))))
    const balancer = await make(seededRandom(1))
    for (let round = 0; round < 100; round++) expect(balancer.pick(candidates, REQUEST).load).toBe(0)
    expect(looks()).toBeLessThan(100 * 40)
  })

  it('finds the only one that has nothing to do', async () => {
    const candidates = withLeases(...new Array<number>(100).fill(1))
    candidates[57] = sessionView({ id: 'idle' })
    const balancer = await make(seededRandom(1))
    for (let round = 0; round < 100; round++) expect(balancer.pick(candidates, REQUEST).id).toBe('idle')
  })

  it('gives those that have nothing to do equal chances, also where busy ones stand between them', async () => {
    const candidates = withLeases(0, 0, 1, 1, 1, 1, 0, 1, 1, 1)
    const balancer = await make(seededRandom(5))
    const picks = Array.from({ length: 9_000 }, () => balancer.pick(candidates, REQUEST).id)
    for (const id of ['s0', 's1', 's6']) expect(Math.abs(picks.filter((picked) => picked === id).length - 3_000)).toBeLessThan(5 * Math.sqrt(3_000))
  })

  it('leaves the candidates as they are', async () => {
    const candidates = Object.freeze(withLeases(2, 1, 3))
    const balancer = await make(seededRandom(1))
    expect(balancer.pick(candidates, REQUEST).id).toBe('s1')
  })

  it('has no options', async () => {
    expect(await problemsWith('balancer', 'least-loaded', leastLoaded, { bias: 1 })).toEqual([expect.stringContaining('bias')])
  })
})
