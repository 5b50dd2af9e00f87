// The index brings along what writes and reads logs, a fifth of what it takes to load greenroom.
import { constructorFromBucketSize } from 'hdr-histogram-js/dist/JsHistogramFactory.js'
import type { Clock, Percentiles, Served } from '../contracts/index.ts'

/** Percentiles cover the last one to two of these. */
const WINDOW_MS = 5 * 60_000
const RATE_SECONDS = 10
/** Histograms hold microseconds: up to a day, two significant digits. */
const LONGEST_US = 86_400_000_000
/** How much of a mean the latest value makes up, once there are many. */
const LATEST_SHARE = 0.1
const Histogram = constructorFromBucketSize(32)

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
  /** For how long a caller holds a session, in milliseconds. */
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
    this.acquires[served]++
    this.wait.record(waitMs, now)
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
  #value: number | undefined
  #count = 0
  #share = 1

  /** `undefined` before the first. */
  get value(): number | undefined {
    return this.#value
  }

  add(value: number): void {
    this.#share = Math.max(LATEST_SHARE, 1 / ++this.#count)
    this.#value = this.#value === undefined ? value : this.#value + this.#share * (value - this.#value)
  }

  /** The value that was added last has turned out to be so much more. */
  extend(by: number): void {
    if (this.#value !== undefined) this.#value += this.#share * by
  }
}

/** Times of the last five to ten minutes, in two histograms that take turns. */
export class RecentTimes {
  readonly mean = new RecentMean()
  readonly #clock: Clock
  #current = histogram()
  #previous = histogram()
  readonly #both = histogram()
  #turnAt: number
  /** How many zeros are not in the histogram yet: most callers wait for nothing. */
  #zeros = 0
  /** What was figured out last; `undefined` when something has changed since. */
  #known: { readonly percentiles: Percentiles | undefined } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#turnAt = clock.now() + WINDOW_MS
  }

  record(ms: number, now: number): void {
    if (now >= this.#turnAt) this.#turn(now)
    this.#known = undefined
    this.mean.add(ms)
    if (ms === 0) this.#zeros++
    else this.#current.recordValue(Math.min(LONGEST_US, Math.max(0, Math.round(ms * 1_000))))
  }

  get percentiles(): Percentiles | undefined {
    const now = this.#clock.now()
    if (now >= this.#turnAt) this.#turn(now)
    this.#known ??= { percentiles: this.#figureOut() }
    return this.#known.percentiles && { ...this.#known.percentiles }
  }

  #figureOut(): Percentiles | undefined {
    this.#recordZeros()
    const both = this.#both
    both.reset()
    both.add(this.#previous)
    both.add(this.#current)
    if (both.totalCount === 0) return undefined
    const at = (percentile: number): number => both.getValueAtPercentile(percentile) / 1_000
    return { p50: at(50), p95: at(95), p99: at(99) }
  }

  #recordZeros(): void {
    if (this.#zeros > 0) this.#current.recordValueWithCount(0, this.#zeros)
    this.#zeros = 0
  }

  #turn(now: number): void {
    this.#known = undefined
    this.#recordZeros()
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

function histogram(): InstanceType<typeof Histogram> {
  return new Histogram(1, LONGEST_US, 2)
}
