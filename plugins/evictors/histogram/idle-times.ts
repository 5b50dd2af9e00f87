/** Shares of the ends of a window that are added to it, as its bins are coarse. */
const MARGIN = 0.1
/** Fewer idle times than this say nothing. */
const FEWEST = 3
/** Counts are halved from here on, so that habits that change are followed. */
const MOST = 256

export interface HistogramOptions {
  /** Milliseconds of one bin, and of all together. */
  readonly bin: number
  readonly range: number
  /** Percentiles at which the window begins and ends. */
  readonly head: number
  readonly tail: number
  /** The widest that idle times may spread: their variance divided by their mean, in bins. */
  readonly spread: number
}

/** The time after which a key is expected, and that after which it is not expected any more. Milliseconds of idleness. */
export interface KeepWindow {
  readonly from: number
  readonly until: number
}

/** How long a key was away each time, in bins. */
export class IdleTimes {
  readonly #options: HistogramOptions
  /** Only the bins in which there is something: there are few of them in a key. */
  readonly #bins = new Map<number, number>()
  #count = 0
  #beyond = 0
  #window: KeepWindow | undefined

  constructor(options: HistogramOptions) {
    this.#options = options
  }

  add(idleMs: number): void {
    const { bin, range } = this.#options
    if (idleMs >= range) this.#beyond++
    else {
      const at = Math.floor(idleMs / bin)
      this.#bins.set(at, (this.#bins.get(at) ?? 0) + 1)
      this.#count++
    }
    if (this.#count + this.#beyond > MOST) this.#halve()
    this.#window = this.#expect()
  }

  /** When the key is expected; `undefined` when it comes too rarely, or too irregularly, to say. */
  get window(): KeepWindow | undefined {
    return this.#window
  }

  #expect(): KeepWindow | undefined {
    const { bin, head, tail, spread } = this.#options
    if (this.#count < FEWEST || this.#beyond > this.#count) return undefined
    const bins = [...this.#bins].sort(([a], [b]) => a - b)
    const mean = bins.reduce((sum, [at, n]) => sum + (at + 0.5) * n, 0) / this.#count
    const variance = bins.reduce((sum, [at, n]) => sum + (at + 0.5 - mean) ** 2 * n, 0) / this.#count
    if (variance / mean > spread) return undefined
    return { from: this.#percentile(bins, head) * bin * (1 - MARGIN), until: (this.#percentile(bins, tail) + 1) * bin * (1 + MARGIN) }
  }

  /** The bin in which so many percent of the idle times have ended. */
  #percentile(bins: readonly (readonly [number, number])[], percent: number): number {
    let left = (percent / 100) * this.#count
    return bins.find(([, n]) => (left -= n) <= 0)?.[0] ?? bins.at(-1)![0]
  }

  #halve(): void {
    this.#count = 0
    this.#beyond /= 2
    for (const [at, n] of this.#bins) {
      // Less than one is chance.
      if (n / 2 < 0.5) this.#bins.delete(at)
      else this.#bins.set(at, n / 2)
    }
    for (const n of this.#bins.values()) this.#count += n
  }
}
