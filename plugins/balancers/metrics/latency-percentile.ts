import type { Clock, RequestOutcome, SessionView } from 'greenroom/kit'
import { type Metric, tellsLatency } from './metric.ts'

/** Request times kept of one session at most, the newest. */
const MOST = 256

interface Times {
  /** Oldest first. */
  readonly inOrder: { readonly at: number; readonly ms: number }[]
  /** The same times, shortest first. */
  readonly sorted: number[]
}

/**
 * A percentile of a session's latest request times, times the requests that would be under way. Unknown until a request has ended, and
 * again when all have left the window; they leave it only while nothing is running, or as newer ones come.
 *
 * `score` is O(1), save for what leaves the window; the end of a request is O(k) in the times kept, at most 256.
 */
export class LatencyPercentile implements Metric {
  readonly #clock: Clock
  readonly #percentile: number
  readonly #windowMs: number
  readonly #times = new WeakMap<SessionView, Times>()

  /** @param percentile Above 0, up to 100. */
  constructor(clock: Clock, percentile: number, windowMs: number) {
    this.#clock = clock
    this.#percentile = percentile
    this.#windowMs = windowMs
  }

  score(session: SessionView): number | undefined {
    const times = this.#times.get(session)
    if (!times) return undefined
    if (session.load === 0) this.#forgetOld(times)
    const ms = this.#of(times)
    return ms === undefined ? undefined : ms * (session.load + 1)
  }

  ended(session: SessionView, outcome: RequestOutcome, durationMs: number): void {
    const times = this.#times.get(session) ?? { inOrder: [], sorted: [] }
    if (!tellsLatency(outcome, durationMs, this.#of(times))) return
    this.#times.set(session, times)
    if (times.inOrder.length === MOST) forgetFirst(times)
    times.inOrder.push({ at: this.#clock.now(), ms: durationMs })
    times.sorted.splice(placeOf(times.sorted, durationMs), 0, durationMs)
    this.#forgetOld(times)
  }

  #of({ sorted }: Times): number | undefined {
    return sorted[Math.ceil((sorted.length * this.#percentile) / 100) - 1]
  }

  #forgetOld(times: Times): void {
    const oldest = this.#clock.now() - this.#windowMs
    while (times.inOrder.length > 0 && times.inOrder[0]!.at < oldest) forgetFirst(times)
  }
}

function forgetFirst({ inOrder, sorted }: Times): void {
  const { ms } = inOrder.shift()!
  sorted.splice(placeOf(sorted, ms), 1)
}

/** Where the first that is not shorter stands, or would. */
function placeOf(sorted: readonly number[], ms: number): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >> 1
    if (sorted[middle]! < ms) from = middle + 1
    else to = middle
  }
  return from
}
