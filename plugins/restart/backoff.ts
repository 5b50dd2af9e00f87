import { definePlugin, duration, formatDuration, z, type Clock, type Failure, type Random, type RestartDecision, type RestartPolicy } from 'greenroom/kit'

const options = z.strictObject({
  initial: duration({ min: 1 }).default(50).describe('The first back-off at most. Default 50ms.'),
  longest: duration({ min: 1 }).default(5_000).describe('The longest back-off. Default 5s.'),
  maxCrashes: z.int().min(1).default(5).describe('Failures within the window that open the breaker. Default 5.'),
  within: duration({ min: 1 }).default(30_000).describe('The window. Default 30s.'),
  cooldown: duration({ min: 1 }).default(10_000).describe('How long the open breaker allows no start. Default 10s.'),
  stableAfter: duration({ min: 0 }).default(30_000).describe('A session that was ready for as long had started well: its crash begins a new series. Default 30s.'),
})

declare module 'greenroom/kit' {
  interface RestartOptions {
    backoff: z.input<typeof options>
  }
}

/**
 * Back-off that doubles, with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015), and a breaker that opens after too
 * many failures within a window, as OTP supervisors' restart intensity and systemd's StartLimit do.
 */
class Backoff implements RestartPolicy {
  readonly #options: z.output<typeof options>
  readonly #clock: Clock
  readonly #random: Random
  #failures: number[] = []
  #inARow = 0
  #open = false

  constructor(given: z.output<typeof options>, clock: Clock, random: Random) {
    this.#options = given
    this.#clock = clock
    this.#random = random
  }

  failed({ readyForMs, phase }: Failure): RestartDecision {
    const { initial, longest, maxCrashes, within, cooldown, stableAfter } = this.#options
    const now = this.#clock.now()
    if (phase === 'crash' && readyForMs >= stableAfter) {
      this.#failures = []
      this.#inARow = 0
    }
    this.#failures = [...this.#failures.filter((at) => now - at < within), now].slice(-maxCrashes)
    this.#inARow++
    const tooMany = this.#failures.length >= maxCrashes
    if (tooMany || this.#open) {
      this.#open = true
      const reason = tooMany ? `${maxCrashes} ${maxCrashes === 1 ? 'failure' : 'failures'} within ${formatDuration(within)}` : 'the one start that was tried failed, too'
      return { action: 'open', cooldownMs: cooldown, reason }
    }
    const bound = Math.min(longest, initial * 2 ** (this.#inARow - 1))
    return { action: 'retry', delayMs: Math.ceil(bound * this.#random.next()) }
  }

  ready(): void {
    // A session that is ready proves that starts succeed; the window remembers crashes all the same.
    this.#open = false
    this.#inARow = 0
  }
}

export default definePlugin({
  name: 'backoff',
  apply(kernel) {
    kernel.strategy('restart', 'backoff', {
      description: 'Starts again after a back-off that doubles, and not at all for a while after too many failures.',
      options,
      create: (given, { clock, random }) => new Backoff(given, clock, random),
    })
  },
})
