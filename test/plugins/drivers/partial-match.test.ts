import { describe, expect, it } from 'vitest'
import { anyOf, partialMatcher } from '../../../plugins/drivers/json-lines/partial-match.ts'

describe('a partial match', () => {
  it('wants every field of the pattern, to any depth, and allows more', () => {
    const matches = partialMatcher({ type: 'result', usage: { tokens: 3 } })
    expect(matches({ type: 'result', usage: { tokens: 3, more: 1 }, extra: true })).toBe(true)
    for (const value of [null, 1, 'result', [], {}, { type: 'result' }, { type: 'result', usage: null }, { type: 'x', usage: { tokens: 3 } }]) {
      expect(matches(value)).toBe(false)
    }
  })

  it('wants lists of the same length with matching items', () => {
    const matches = partialMatcher([1, { a: null }])
    expect(matches([1, { a: null, b: 2 }])).toBe(true)
    for (const value of [[1], [1, { a: 0 }], [1, { a: null }, 2], { 0: 1 }]) expect(matches(value)).toBe(false)
  })

  it('takes no inherited field for a field', () => {
    expect(partialMatcher({ constructor: Object })({})).toBe(false)
    expect(partialMatcher({})({ any: 1 })).toBe(true)
  })

  it('can be with any of several patterns', () => {
    const matches = anyOf([{ a: 1 }, { b: 2 }])
    expect([matches({ a: 1 }), matches({ b: 2 }), matches({ a: 2 })]).toEqual([true, true, false])
  })
})
