import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock, Percentiles, Served } from '../contracts/index.ts'

/** Percentiles cover the last one to two of these. */
const WINDOW_MS = 5 * 60_000
const RATE_SECONDS = 10
/** Histograms hold microseconds: up to a day, two significant digits. */
const LONGEST_US = 86_400_000_000
/** How much of a mean the latest value makes up, once there are many. */
const LATEST_SHARE = 0.1

/** What happened so far: counts since the pool was made, times and rates of the last minutes and seconds. */
export class Statistics {
  readonly acquires: Record<Served, number> = { 'same-key': 0, 'same-tenant': 0, spare: 0, resumed: 0, started: 0 }
  requests = 0
  started = 0
  crashes = 0
  refusals = 0
  readonly wait: RecentTimes
  readonly start: RecentTimes
  readonly request: RecentTimes
  /** How long starts take, and for how long a caller holds a session, in milliseconds. */
  readonly startMean = new RecentMean()
  readonly hold = new RecentMean()
  readonly #answers: Rate

  constructor(clock: Clock) {
    this.wait = new RecentTimes(clock)
    this.start = new RecentTimes(clock)
    this.request = new RecentTimes(clock)
    this.#answers = new Rate(clock)
  }

  get throughputRps(): number {
    return this.#answers.perSecond
  }

  acquired(served: Served, waitMs: number, now: number): void {
    count(this.acquires, served)
    this.wait.record(waitMs, now)
  }

  /** A session has become ready. */
  startTook(ms: number, now: number): void {
    this.start.record(ms, now)
    this.startMean.add(ms)
  }

  answered(durationMs: number, now: number): void {
    this.request.record(durationMs, now)
    this.#answers.count(now)
  }

  /** Share of acquires that no start was in the way of; `undefined` before the first. */
  get reuseRatio(): number | undefined {
    const { started, ...others } = this.acquires
    const reused = Object.values(others).reduce((sum, count) => sum + count, 0)
    return reused + started === 0 ? undefined : reused / (reused + started)
  }
}

/** The mean of what was seen of late: exponentially weighted, and of the first few the plain one. */
export class RecentMean {
  #value = NaN
  /** Of the first few. */
  #count = 0
  #share = 1

  /** `undefined` before the first. */
  get value(): number | undefined {
    return this.#count === 0 ? undefined : this.#value
  }

  add(value: number): void {
    if (this.#share > LATEST_SHARE) this.#share = Math.max(LATEST_SHARE, 1 / ++this.#count)
    this.#value = this.#count === 1 ? value : this.#value + this.#share * (value - this.#value)
  }

  /** The value that was added last has turned out to be so much more. */
  extend(by: number): void {
    this.#value += this.#share * by
  }
}

/** Times of the last five to ten minutes, in two histograms that take turns. */
export class RecentTimes {
  readonly #clock: Clock
  #current = new Times()
  #previous = new Times()
  readonly #both = new Times()
  #turnAt: number
  /** What was figured out last; `undefined` when something has changed since. */
  #known: { readonly percentiles: Percentiles | undefined } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#turnAt = clock.now() + WINDOW_MS
  }

  record(ms: number, now: number): void {
    if (now >= this.#turnAt) this.#turn(now)
    this.#known = undefined
    this.#current.record(ms)
  }

  get percentiles(): Percentiles | undefined {
    const now = this.#clock.now()
    if (now >= this.#turnAt) this.#turn(now)
    this.#known ??= { percentiles: this.#figureOut() }
    return this.#known.percentiles && { ...this.#known.percentiles }
  }

  #figureOut(): Percentiles | undefined {
    const both = this.#both
    both.reset()
    both.add(this.#previous)
    both.add(this.#current)
    return both.count === 0 ? undefined : { p50: both.percentile(50), p95: both.percentile(95), p99: both.percentile(99) }
  }

  #turn(now: number): void {
    this.#known = undefined
    const missedOne = now >= this.#turnAt + WINDOW_MS
    ;[this.#previous, this.#current] = [this.#current, this.#previous]
    this.#current.reset()
    if (missedOne) this.#previous.reset()
    this.#turnAt = now + WINDOW_MS
  }
}

/** Events per second over the last ten whole seconds, or as many as there were. */
class Rate {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #perSecond = new Array<number>(RATE_SECONDS + 1).fill(0)
  #second: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#second = Math.floor(this.#startedAt / 1_000)
  }

  count(now: number): void {
    this.#moveTo(Math.floor(now / 1_000))
    this.#perSecond[this.#second % this.#perSecond.length]!++
  }

  get perSecond(): number {
    const now = this.#clock.now()
    this.#moveTo(Math.floor(now / 1_000))
    const unfinished = now / 1_000 - this.#second
    const seconds = Math.min(RATE_SECONDS + unfinished, (now - this.#startedAt) / 1_000)
    const sum = this.#perSecond.reduce((total, count) => total + count, 0)
    return seconds > 0 ? sum / Math.max(1, seconds) : 0
  }

  #moveTo(second: number): void {
    const steps = Math.min(second - this.#second, this.#perSecond.length)
    for (let step = 1; step <= steps; step++) this.#perSecond[(second - steps + step) % this.#perSecond.length] = 0
    this.#second = second
  }
}

/** By name, as nearly all are of two kinds: an index that changes from call to call takes 20 ns instead of 2.5. */
function count(acquires: Record<Served, number>, served: Served): void {
  if (served === 'same-key') acquires['same-key']++
  else if (served === 'same-tenant') acquires['same-tenant']++
  else acquires[served]++
}

/** How long things took. Those that took no time are counted beside the histogram, which begins at 1 µs: most callers wait for nothing. */
class Times {
  #zeros = 0
  readonly #others: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_US, figures: 2 })

  get count(): number {
    return this.#zeros + this.#others.count
  }

  record(ms: number): void {
    const us = Math.round(ms * 1_000)
    if (us > 0) this.#others.record(Math.min(LONGEST_US, us))
    else this.#zeros++
  }

  add(times: Times): void {
    this.#zeros += times.#zeros
    this.#others.add(times.#others)
  }

  reset(): void {
    this.#zeros = 0
    this.#others.reset()
  }

  /** In milliseconds; of at least one. */
  percentile(percent: number): number {
    const rank = (percent / 100) * this.count - this.#zeros
    return rank <= 0 ? 0 : this.#others.percentile((rank / this.#others.count) * 100) / 1_000
  }
}
