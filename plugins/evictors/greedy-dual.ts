import { definePlugin, type Evictor, type Scarce, type SessionView, z } from 'greenroom/kit'
import { leastOf } from './common/least.ts'
import { sizesOf } from './common/sizes.ts'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface EvictorOptions {
    'greedy-dual': z.input<typeof options>
  }
}

interface Stamp {
  lastUsedAt: number
  level: number
}

/**
 * Greedy-Dual-Size-Frequency, as FaasCache has it: a session is worth how often it was used times what its start cost, divided by its size, on
 * top of the level of its last use. The level is the worth of what was chosen last: what is not used is overtaken by it in time. O(n).
 */
class GreedyDual implements Evictor {
  #level = 0
  readonly #stamps = new WeakMap<SessionView, Stamp>()

  idled(session: SessionView): void {
    this.#stamp(session)
  }

  choose(idle: readonly SessionView[], scarce: Scarce = 'places'): SessionView {
    const size = sizesOf(idle, scarce)
    const worth = (session: SessionView): number => this.#stamp(session) + (usesOf(session) * startCost(session)) / size(session)
    const least = leastOf(idle, worth)
    this.#level = worth(least)
    return least
  }

  /** The level at its last use. */
  #stamp(session: SessionView): number {
    const { lastUsedAt } = session
    const known = this.#stamps.get(session)
    if (known?.lastUsedAt === lastUsedAt) return known.level
    this.#stamps.set(session, { lastUsedAt, level: this.#level })
    return this.#level
  }
}

/** Those before its key was parked, too. */
function usesOf({ leaseCount, past }: SessionView): number {
  return Math.max(1, leaseCount + (past?.uses ?? 0))
}

/** Milliseconds from the spawn to the readiness; never 0, which would make all else count for nothing. */
function startCost({ startedAt, readyAt }: SessionView): number {
  return Math.max(1, (readyAt ?? startedAt) - startedAt)
}

export default definePlugin({
  name: 'greedy-dual',
  apply(kernel) {
    kernel.strategy('evictor', 'greedy-dual', {
      description: 'The session with the fewest uses times its start time, for its memory, that were long ago.',
      options,
      create: () => new GreedyDual(),
    })
  },
})
