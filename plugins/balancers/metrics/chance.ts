import type { Random } from 'greenroom/kit'
import type { Metric } from './metric.ts'

/** A number by chance, whatever the session is like. O(1). */
export class Chance implements Metric {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  score(): number {
    return this.#random.next()
  }
}
