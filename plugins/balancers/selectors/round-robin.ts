import type { Random, SessionView } from 'greenroom/kit'
import { firstBy, type Selector } from './selector.ts'

/**
 * Whoever was chosen longest ago; those who never were come first. It goes by sessions, not by places in the list, so that nobody is passed
 * over when others come and go. O(n).
 */
export class RoundRobin implements Selector {
  readonly #random: Random
  readonly #turns = new WeakMap<SessionView, number>()
  #turn = 0

  constructor(random: Random) {
    this.#random = random
  }

  pick(candidates: readonly SessionView[]): SessionView {
    const next = firstBy(candidates, (a, b) => this.#turnOf(a) - this.#turnOf(b), this.#random)
    this.#turns.set(next, ++this.#turn)
    return next
  }

  #turnOf(session: SessionView): number {
    return this.#turns.get(session) ?? 0
  }
}
