import { formatDuration, type AcquireRequest, type Balancer, type Clock, type RequestOutcome, type SessionView, type StrategyContext } from 'greenroom/kit'
import type { OutlierOptions } from './options.ts'

/** The longest ejection, in first ones. */
const LONGEST = 10

interface Conduct {
  errorsInARow: number
  /** Ejections that were not forgiven yet. */
  times: number
  /** `Clock.now()` from which the next sweep lets it return. */
  until: number
  /** The sweep up to which its good conduct was counted. */
  counted: number
}

/**
 * Has another balancer choose among those that work: outlier detection as Envoy's, by errors in a row. A session that has failed so often
 * is out for a while, longer each time; sweeps let it return, and forgive one ejection each while it is in. One session may always be out,
 * others only up to a share of all. When nobody else is left, those who are out are chosen from all the same: nobody waits for them.
 *
 * Sweeps need no timer: they are made up for when somebody asks. O(1) while nobody is out, else O(n).
 */
export class OutlierEjection implements Balancer {
  readonly #inner: Balancer
  readonly #options: OutlierOptions
  readonly #clock: Clock
  readonly #explain: StrategyContext['explain']
  readonly #origin: number
  readonly #conduct = new WeakMap<SessionView, Conduct>()
  readonly #ejected = new Set<SessionView>()
  #members = 0

  constructor(inner: Balancer, options: OutlierOptions, { clock, explain }: Pick<StrategyContext, 'clock' | 'explain'>) {
    this.#inner = inner
    this.#options = options
    this.#clock = clock
    this.#explain = explain
    this.#origin = clock.now()
  }

  pick(candidates: readonly SessionView[], request: AcquireRequest): SessionView {
    if (this.#ejected.size > 0) this.#sweep()
    if (this.#ejected.size === 0) return this.#inner.pick(candidates, request)
    const sound = candidates.filter((session) => !this.#ejected.has(session))
    return this.#inner.pick(sound.length > 0 ? sound : candidates, request)
  }

  joined(session: SessionView): void {
    this.#members++
    this.#inner.joined?.(session)
  }

  left(session: SessionView): void {
    this.#members--
    this.#ejected.delete(session)
    this.#inner.left?.(session)
  }

  ended(session: SessionView, outcome: RequestOutcome, durationMs: number): void {
    this.#inner.ended?.(session, outcome, durationMs)
    // Who was out when a request began is not judged by it. One that its caller gave up, lost with the session, or could not
    // even send, says nothing.
    if (this.#ejected.has(session)) return
    if (outcome === 'answered') {
      const conduct = this.#conduct.get(session)
      if (conduct) conduct.errorsInARow = 0
    } else if (outcome === 'failed' || outcome === 'timed-out') this.#failed(session)
  }

  #failed(session: SessionView): void {
    const conduct = this.#conduct.get(session) ?? { errorsInARow: 0, times: 0, until: 0, counted: this.#sweeps }
    this.#conduct.set(session, conduct)
    if (++conduct.errorsInARow < this.#options.errors) return
    conduct.errorsInARow = 0
    this.#sweep()
    if (this.#ejected.size > 0 && (this.#ejected.size + 1) * 100 > this.#options.max * this.#members) return
    conduct.times = Math.min(LONGEST, Math.max(0, conduct.times - (this.#sweeps - conduct.counted)) + 1)
    const outMs = conduct.times * this.#options.eject
    conduct.until = this.#clock.now() + outMs
    this.#ejected.add(session)
    this.#explain(() => `ejected for ${formatDuration(outMs)}: ${this.#options.errors} requests in a row failed`, session)
  }

  /** Sweeps there have been so far. */
  get #sweeps(): number {
    return this.#sweepAt(this.#clock.now(), Math.floor)
  }

  #sweepAt(time: number, round: (value: number) => number): number {
    return round((time - this.#origin) / this.#options.sweep)
  }

  #sweep(): void {
    const sweeps = this.#sweeps
    for (const session of this.#ejected) {
      const conduct = this.#conduct.get(session)!
      const returns = this.#sweepAt(conduct.until, Math.ceil)
      if (sweeps < returns) continue
      this.#ejected.delete(session)
      conduct.counted = returns
      this.#explain('no longer ejected: its time was over', session)
    }
  }
}
