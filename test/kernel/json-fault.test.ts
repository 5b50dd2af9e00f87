import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFault } from '../../src/kernel/json-fault.ts'

describe('jsonFault', () => {
  it.each([
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{a: 1}', 1, 2],
    ["{'a': 1}", 1, 2],
    ['{"a" 1}', 1, 6],
    ['{"a": }', 1, 7],
    ['[1, 2', 1, 6],
    ['[1 2]', 1, 4],
    ['[1, ]', 1, 5],
    ['[}', 1, 2],
    ['{"a": [1}', 1, 9],
    ['{"a": 1]', 1, 8],
    ['', 1, 1],
    ['  \n ', 2, 2],
    ['{} {}', 1, 4],
    ['01', 1, 1],
    ['[1.]', 1, 2],
    ['[truex]', 1, 2],
    ['// comment\n{}', 1, 1],
    ['{"a": "line\nbreak"}', 1, 7],
    ['{"a": "\\x"}', 1, 7],
    ['{,}', 1, 2],
    [':', 1, 1],
    ['{"a": 1, 2: 3}', 1, 10],
    ['{"a": {"b"}}', 1, 11],
  ])('of %j is at line %i, column %i', (text, line, column) => {
    expect(() => JSON.parse(text) as unknown).toThrow()
    expect(jsonFault(text)).toEqual({ line, column })
  })

  it('is none for whatever JSON.stringify writes', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
      expect(jsonFault(JSON.stringify(value, null, indent))).toBeUndefined()
    }))
  })

  it('agrees with JSON.parse about damaged texts', () => {
    const parses = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const damaged = fc.tuple(fc.jsonValue(), fc.nat(), fc.constantFrom('', ',', '"', '{', ']', '1', 'x', ' ', '\\', '-', '\u007f', '\u2028')).map(([value, at, patch]) => {
      const text = JSON.stringify(value)
      const index = at % text.length
      return text.slice(0, index) + patch + text.slice(index + 1)
    })
    fc.assert(fc.property(damaged, (text) => {
      expect(jsonFault(text) === undefined).toBe(parses(text))
    }), { numRuns: 2_000 })
  })
})
