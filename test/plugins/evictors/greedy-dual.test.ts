import { describe, expect, it } from 'vitest'
import { sessionView } from '../../support/strategies.ts'
import { makeEvictor, MB, type MutableSession } from './support.ts'

const usedOften = (id: string, leaseCount: number, fields: Partial<MutableSession> = {}): MutableSession => {
  return sessionView({ id, leaseCount, startedAt: 0, readyAt: 100, lastUsedAt: 200, ...fields })
}

describe('the evictor greedy-dual', () => {
  it('keeps what is used often', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    expect(evictor.choose([usedOften('often', 9), usedOften('seldom', 2), usedOften('at times', 5)]).id).toBe('seldom')
  })

  it('counts the uses of a key before it was parked, too', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    const past = { uses: 20, firstUsedAt: 1, lastUsedAt: 2 }
    expect(evictor.choose([usedOften('resumed', 1, { past }), usedOften('often', 9)]).id).toBe('often')
  })

  it('keeps what takes long to start', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    expect(evictor.choose([usedOften('slow', 1, { readyAt: 9_000 }), usedOften('quick', 1, { readyAt: 50 })]).id).toBe('quick')
  })

  it('keeps what takes little memory, where that is scarce, and takes what was not measured for the mean', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    const sessions = [
      usedOften('small', 2, { usage: { memoryBytes: 50 * MB } }), usedOften('unknown', 2), usedOften('large', 3, { usage: { memoryBytes: 250 * MB } }),
    ]
    expect(evictor.choose(sessions, 'memory').id).toBe('large')
    expect(evictor.choose(sessions.slice(0, 2), 'memory').lastUsedAt).toBe(200)
    expect((await makeEvictor('greedy-dual')).evictor.choose(sessions, 'places').id).toBe('small')
    expect((await makeEvictor('greedy-dual')).evictor.choose([usedOften('a', 2), usedOften('b', 1)], 'memory').id).toBe('b')
  })

  it('lets go of what was used often, once, when others have come and gone since', async () => {
    const { evictor, clock } = await makeEvictor('greedy-dual')
    const star = usedOften('star', 10)
    evictor.idled?.(star)
    let rounds = 0
    for (; rounds < 50; rounds++) {
      clock.advance(1_000)
      const newcomer = usedOften(`newcomer ${rounds}`, 1, { lastUsedAt: clock.now() })
      evictor.idled?.(newcomer)
      if (evictor.choose([star, newcomer]) === star) break
    }
    // Each that goes raises the level by the worth of one use.
    expect(rounds).toBe(9)
  })

  it('takes note of a use also where nobody told it', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    const [kept, gone] = [usedOften('kept', 3), usedOften('gone', 2)]
    expect(evictor.choose([kept, gone])).toBe(gone)
    const later = usedOften('later', 2, { lastUsedAt: 300 })
    expect(evictor.choose([kept, later])).toBe(kept)
  })

  it('tells sessions of equal worth by their last use', async () => {
    const { evictor } = await makeEvictor('greedy-dual')
    expect(evictor.choose([usedOften('b', 1, { lastUsedAt: 30 }), usedOften('a', 1, { lastUsedAt: 10 }), usedOften('c', 1, { lastUsedAt: 20 })]).id).toBe('a')
  })
})
