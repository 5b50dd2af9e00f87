import { definePlugin, randomInt, z, type Balancer, type Random, type SessionView } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'least-loaded': z.input<typeof options>
  }
}

/** Of so many candidates one is tried by chance before all are looked at. */
const CANDIDATES_A_TRY = 8

/**
 * Fewest leases under way; equals get equal chances, whoever stands beside them. While many have nothing to do, one of them is soon found
 * by chance; else all are looked at.
 */
class LeastLoaded implements Balancer {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick(candidates: readonly SessionView[]): SessionView {
    const count = candidates.length
    if (count === 1) return candidates[0]!
    for (let tries = Math.ceil(count / CANDIDATES_A_TRY); tries > 0; tries--) {
      const candidate = candidates[randomInt(this.#random, count)]!
      if (candidate.outstanding === 0) return candidate
    }
    return this.#leastOf(candidates)
  }

  #leastOf(candidates: readonly SessionView[]): SessionView {
    let best = candidates[0]!
    let equals = 1
    for (let index = 1; index < candidates.length; index++) {
      const candidate = candidates[index]!
      if (candidate.outstanding > best.outstanding) continue
      equals = candidate.outstanding < best.outstanding ? 1 : equals + 1
      // INV 25: the nth of equals takes the place with a chance of 1/n, so that in the end each has had the same.
      if (equals === 1 || randomInt(this.#random, equals) === 0) best = candidate
    }
    return best
  }
}

export default definePlugin({
  name: 'least-loaded',
  apply(kernel) {
    kernel.strategy('balancer', 'least-loaded', {
      description: 'The session with the fewest leases under way; equals get equal chances.',
      options,
      create: (_options, { random }) => new LeastLoaded(random),
    })
  },
})
