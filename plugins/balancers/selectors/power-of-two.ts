import { type Random, randomInt, type SessionView } from 'greenroom/kit'
import type { Metric } from '../metrics/metric.ts'
import type { Selector } from './selector.ts'

/**
 * The better of two that are drawn by chance (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). Where
 * the score of either is not known, the one with the lower load. O(1).
 */
export class PowerOfTwo implements Selector {
  readonly #metric: Metric
  readonly #random: Random

  constructor(metric: Metric, random: Random) {
    this.#metric = metric
    this.#random = random
  }

  pick(candidates: readonly SessionView[]): SessionView {
    const count = candidates.length
    if (count === 1) return candidates[0]!
    const first = randomInt(this.#random, count)
    const step = 1 + randomInt(this.#random, count - 1)
    // Of equals the first is taken: either is the first as often (INV 25).
    return this.#betterOf(candidates[first]!, candidates[(first + step) % count]!)
  }

  #betterOf(one: SessionView, other: SessionView): SessionView {
    const [score, otherScore] = [this.#metric.score(one), this.#metric.score(other)]
    const isBetter = score === undefined || otherScore === undefined ? other.load < one.load : otherScore < score
    return isBetter ? other : one
  }
}
