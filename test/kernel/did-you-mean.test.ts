import { describe, expect, it } from 'vitest'
import { didYouMean, editDistance } from '../../src/kernel/did-you-mean.ts'

describe('editDistance', () => {
  it.each([
    ['', '', 0], ['abc', 'abc', 0], ['abc', '', 3], ['', 'abc', 3], ['kitten', 'sitting', 3], ['ab', 'ba', 1], ['ca', 'abc', 3], ['spare', 'spaer', 1],
  ])('of %j and %j is %i, either way', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
    expect(editDistance(b, a)).toBe(distance)
  })
})

describe('didYouMean', () => {
  const known = ['least-loaded', 'power-of-two', 'round-robin', 'max', 'min']
  it.each([
    ['leastLoaded', 'least-loaded'], ['LEAST_LOADED', 'least-loaded'], ['round-robbin', 'round-robin'], ['mx', 'max'], ['mni', 'min'],
  ])('takes %s for %s', (word, meant) => expect(didYouMean(word, known)).toBe(meant))

  it('suggests nothing when nothing is near', () => {
    expect(didYouMean('fastest', known)).toBeUndefined()
    expect(didYouMean('q', known)).toBeUndefined()
    expect(didYouMean('x', [])).toBeUndefined()
  })
})
