import type { Clock } from 'greenroom/kit'

/** The window is cut into so many buckets; what leaves it leaves it a bucket at a time. */
const BUCKETS = 60

/**
 * The time-weighted mean over the last while of a number that keeps its value until the next is told. Of a shorter past the mean over that.
 * O(1), amortised; O(buckets) after a long silence.
 */
export class MovingAverage {
  readonly #clock: Clock
  readonly #bucketMs: number
  /** Sums of value × milliseconds, and the milliseconds they cover. */
  readonly #areas = new Array<number>(BUCKETS).fill(0)
  readonly #spans = new Array<number>(BUCKETS).fill(0)
  #bucket: number
  #since: number
  #current: number | undefined

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock
    this.#bucketMs = windowMs / BUCKETS
    this.#since = clock.now()
    this.#bucket = Math.floor(this.#since / this.#bucketMs)
  }

  /** From now on it is this. */
  set(value: number): void {
    this.#catchUp()
    this.#current = value
  }

  /** 0 before the first value. */
  get value(): number {
    this.#catchUp()
    const covered = sum(this.#spans)
    return covered === 0 ? (this.#current ?? 0) : sum(this.#areas) / covered
  }

  #catchUp(): void {
    const now = this.#clock.now()
    const last = Math.floor(now / this.#bucketMs)
    // Buckets that would be overwritten again at once are passed over.
    const first = Math.max(this.#bucket, last - BUCKETS)
    for (let bucket = first; bucket <= last; bucket++) {
      if (bucket > this.#bucket) this.#clear(bucket)
      const from = Math.max(this.#since, bucket * this.#bucketMs)
      const span = Math.min(now, (bucket + 1) * this.#bucketMs) - from
      if (this.#current !== undefined && span > 0) this.#add(bucket, span, this.#current)
    }
    this.#bucket = last
    this.#since = now
  }

  #clear(bucket: number): void {
    this.#areas[bucket % BUCKETS] = 0
    this.#spans[bucket % BUCKETS] = 0
  }

  #add(bucket: number, span: number, value: number): void {
    this.#areas[bucket % BUCKETS]! += value * span
    this.#spans[bucket % BUCKETS]! += span
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
