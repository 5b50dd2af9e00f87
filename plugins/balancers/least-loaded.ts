import { definePlugin, randomInt, z, type Balancer, type Random, type SessionView } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'least-loaded': z.input<typeof options>
  }
}

/**
 * Fewest leases under way. Looking starts at a random place, so that equals get equal chances; it ends at the first session
 * that has nothing to do, so that it is O(1) while one has.
 */
class LeastLoaded implements Balancer {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick(candidates: readonly SessionView[]): SessionView {
    const count = candidates.length
    const start = count === 1 ? 0 : randomInt(this.#random, count)
    let best = candidates[start]!
    for (let step = 1; step < count && best.outstanding > 0; step++) {
      const candidate = candidates[(start + step) % count]!
      if (candidate.outstanding < best.outstanding) best = candidate
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
