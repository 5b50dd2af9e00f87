import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import lru from '../../../plugins/evictors/lru.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const { strategy } = await makeStrategy('evictor', 'lru', lru)
const usedAt = (...times: number[]) => times.map((lastUsedAt, n) => sessionView({ id: `s${n}`, lastUsedAt }))

describe('the evictor lru', () => {
  it('chooses the session that was used least recently', () => {
    expect(strategy.choose(usedAt(30, 10, 20)).id).toBe('s1')
  })

  it('does not mistake an old session for an unused one', () => {
    const old = sessionView({ id: 'old', startedAt: 0, lastUsedAt: 50 })
    const young = sessionView({ id: 'young', startedAt: 40, lastUsedAt: 45 })
    expect(strategy.choose([old, young])).toBe(young)
  })

  it('chooses one of those it was given that nobody was used before, and leaves the list as it is', () => {
    fc.assert(fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), (times) => {
      const idle = Object.freeze(usedAt(...times))
      const chosen = strategy.choose(idle)
      expect(idle).toContain(chosen)
      expect(times.every((time) => chosen.lastUsedAt <= time)).toBe(true)
    }))
  })

  it('has no options', async () => {
    expect(await problemsWith('evictor', 'lru', lru, { size: 1 })).toEqual([expect.stringContaining('size')])
  })
})
