/** A mean over the last span of time, of figures that each hold for some time. What was unknown is no part of it (INV 27). */
export class SpanMean {
  readonly #spanMs: number
  readonly #samples: { value: number; ms: number }[] = []
  #coveredMs = 0
  #lastAt: number | undefined

  constructor(spanMs: number) {
    this.#spanMs = spanMs
  }

  /** `value` held since the last call; `undefined`: nobody knows. */
  add(value: number | undefined, now: number): void {
    const ms = this.#lastAt === undefined ? 0 : now - this.#lastAt
    this.#lastAt = now
    // After a gap as long as the span nothing before it counts any more.
    if (ms >= 2 * this.#spanMs) this.clear()
    if (value === undefined || ms <= 0) return
    this.#samples.push({ value, ms })
    this.#coveredMs += ms
    while (this.#coveredMs - this.#samples[0]!.ms >= this.#spanMs) this.#coveredMs -= this.#samples.shift()!.ms
  }

  /** `undefined` until the whole span is known. */
  get mean(): number | undefined {
    if (this.#coveredMs < this.#spanMs) return undefined
    return this.#samples.reduce((sum, { value, ms }) => sum + value * ms, 0) / this.#coveredMs
  }

  /** Begins anew: with the next figure. */
  clear(): void {
    this.#samples.length = 0
    this.#coveredMs = 0
  }
}
