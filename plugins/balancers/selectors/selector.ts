import { type AcquireRequest, type Random, randomInt, type SessionView } from 'greenroom/kit'

/** Which of the sessions is looked at, and which of those is taken. */
export interface Selector {
  pick(candidates: readonly SessionView[], request: AcquireRequest): SessionView
}

/**
 * The first of the candidates by `compare` (negative: the first argument is better); equals get equal chances. O(n).
 */
export function firstBy(
  candidates: readonly SessionView[], compare: (a: SessionView, b: SessionView) => number, random: Random,
): SessionView {
  let best = candidates[0]!
  let equals = 1
  for (let index = 1; index < candidates.length; index++) {
    const candidate = candidates[index]!
    const difference = compare(candidate, best)
    if (difference > 0) continue
    equals = difference < 0 ? 1 : equals + 1
    // INV 25: the nth of equals takes the place with a chance of 1/n, so that in the end each has had the same.
    if (equals === 1 || randomInt(random, equals) === 0) best = candidate
  }
  return best
}
