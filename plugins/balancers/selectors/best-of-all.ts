import { type Random, randomInt, type SessionView } from 'greenroom/kit'
import type { Metric } from '../metrics/metric.ts'
import type { Selector } from './selector.ts'

/** Of so many candidates one is tried by chance before all are looked at. */
const CANDIDATES_A_TRY = 8

/**
 * The lowest score of all; equals get equal chances, whoever stands beside them. While many have the lowest score there can be, one of them
 * is soon found by chance; else all are looked at: O(n).
 *
 * Whose score is not known is neither good nor bad: the best of those by load stands against the best of the others, the lower load goes
 * first, and where they are equal each session has the same chance to be on the side that is taken.
 */
export class BestOfAll implements Selector {
  readonly #metric: Metric
  readonly #random: Random

  constructor(metric: Metric, random: Random) {
    this.#metric = metric
    this.#random = random
  }

  pick(candidates: readonly SessionView[]): SessionView {
    if (candidates.length === 1) return candidates[0]!
    return this.#lucky(candidates) ?? this.#best(candidates)
  }

  #lucky(candidates: readonly SessionView[]): SessionView | undefined {
    const { least } = this.#metric
    if (least === undefined) return undefined
    for (let tries = Math.ceil(candidates.length / CANDIDATES_A_TRY); tries > 0; tries--) {
      const candidate = candidates[randomInt(this.#random, candidates.length)]!
      if (this.#metric.score(candidate) === least) return candidate
    }
    return undefined
  }

  #best(candidates: readonly SessionView[]): SessionView {
    const known = new Best(this.#random)
    const unknown = new Best(this.#random)
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!
      const score = this.#metric.score(candidate)
      if (score === undefined) unknown.offer(candidate, candidate.load)
      else known.offer(candidate, score)
    }
    if (!known.session || !unknown.session) return (known.session ?? unknown.session)!
    const difference = known.session.load - unknown.session.load
    if (difference !== 0) return difference < 0 ? known.session : unknown.session
    return randomInt(this.#random, candidates.length) < known.offered ? known.session : unknown.session
  }
}

/** The best of those it was offered; equals get equal chances. */
class Best {
  session: SessionView | undefined
  offered = 0
  readonly #random: Random
  #score = Infinity
  #equals = 0

  constructor(random: Random) {
    this.#random = random
  }

  offer(candidate: SessionView, score: number): void {
    this.offered++
    if (score > this.#score) return
    this.#equals = score < this.#score ? 1 : this.#equals + 1
    this.#score = score
    // INV 25: the nth of equals takes the place with a chance of 1/n, so that in the end each has had the same.
    if (this.#equals === 1 || randomInt(this.#random, this.#equals) === 0) this.session = candidate
  }
}
