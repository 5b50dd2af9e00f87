import type { Clock, RequestOutcome, SessionView } from 'greenroom/kit'
import { type Metric, tellsLatency } from './metric.ts'

/** The time constant, in mean request times, where none is given. Shorter ones follow the chance of single requests. */
const MEANS = 100
/** Requests after which the mean forgets the oldest ones. */
const MEAN_OVER = 1_000

interface Estimate {
  ms: number
  /** `Clock.now()` of its last change. */
  at: number
}

/**
 * How long requests take, after Finagle's "Peak EWMA": a longer one than expected is believed at once, shorter ones slowly, by how long ago
 * the last was; times the requests that would be under way. Unknown until a request has ended.
 *
 * Two things differ. An estimate stands still while a request is running: one that faded would draw more and more work to whoever is stuck.
 * And an idle session's fades to the mean of all sessions instead of to 0: what was forgotten is not fast.
 *
 * Everything is O(1).
 */
export class PeakEwma implements Metric {
  readonly #clock: Clock
  readonly #decayMs: number | undefined
  readonly #estimates = new WeakMap<SessionView, Estimate>()
  #meanMs = 0
  #count = 0

  /** @param decayMs The time constant. Default: a hundred times the mean request. */
  constructor(clock: Clock, decayMs?: number) {
    this.#clock = clock
    this.#decayMs = decayMs
  }

  score(session: SessionView): number | undefined {
    const estimate = this.#estimates.get(session)
    if (!estimate) return undefined
    const { load, lastUsedAt } = session
    if (load === 0) {
      const now = this.#clock.now()
      this.#approach(estimate, this.#meanMs, now - Math.max(estimate.at, lastUsedAt), now)
    }
    return estimate.ms * (load + 1)
  }

  ended(session: SessionView, outcome: RequestOutcome, durationMs: number): void {
    const estimate = this.#estimates.get(session)
    if (!tellsLatency(outcome, durationMs, estimate?.ms)) return
    this.#count = Math.min(this.#count + 1, MEAN_OVER)
    this.#meanMs += (durationMs - this.#meanMs) / this.#count
    const now = this.#clock.now()
    if (!estimate) this.#estimates.set(session, { ms: durationMs, at: now })
    else if (durationMs > estimate.ms) Object.assign(estimate, { ms: durationMs, at: now })
    else this.#approach(estimate, durationMs, now - estimate.at, now)
  }

  #approach(estimate: Estimate, ms: number, afterMs: number, now: number): void {
    const decayMs = this.#decayMs ?? Math.max(1, MEANS * this.#meanMs)
    estimate.ms += (ms - estimate.ms) * (1 - Math.exp(-Math.max(0, afterMs) / decayMs))
    estimate.at = now
  }
}
