import { type Clock, definePlugin, duration, type Evictor, type Scarce, type SessionView, z } from 'greenroom/kit'
import { leastOf } from './common/least.ts'
import { sizesOf } from './common/sizes.ts'

const options = z.strictObject({
  keep: duration().default(600_000).describe('For how long a session is kept after its last use, as long as others have been idle for longer. Default 10m.'),
})

declare module 'greenroom/kit' {
  interface EvictorOptions {
    ttl: z.input<typeof options>
  }
}

/**
 * Sessions that have been idle for longer than a time are worth nothing, and of them the oldest process goes first, as programs grow with their
 * age; where memory is scarce, the largest. While there is none, the least recently used goes. O(n).
 */
class TimeToLive implements Evictor {
  readonly #clock: Clock
  readonly #keepMs: number

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock
    this.#keepMs = keepMs
  }

  choose(idle: readonly SessionView[], scarce: Scarce = 'places'): SessionView {
    const expiry = this.#clock.now() - this.#keepMs
    const expired = idle.filter(({ lastUsedAt }) => lastUsedAt < expiry)
    if (expired.length === 0) return leastOf(idle, ({ lastUsedAt }) => lastUsedAt)
    const size = sizesOf(expired, scarce)
    return leastOf(expired, scarce === 'memory' ? (session) => -size(session) : ({ startedAt }) => startedAt)
  }
}

export default definePlugin({
  name: 'ttl',
  apply(kernel) {
    kernel.strategy('evictor', 'ttl', {
      description: 'The oldest of the sessions that were idle for longer than a time; while there is none, the least recently used.',
      options,
      create: ({ keep }, { clock }) => new TimeToLive(clock, keep),
    })
  },
})
