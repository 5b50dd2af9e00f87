import type { Clock } from 'greenroom/kit'

/** Arrivals are counted in bins of this length. */
const BIN_MS = 5_000
/** How much of a slot's rate its latest season makes up. */
const LATEST_SEASON = 0.3
/** The rate of late moves the season's forecast by this factor at most, either way. */
const MOST_LEVEL = 4
/** Arrivals of which nothing can be said yet. */
const FEW = 5

export interface ArrivalModelOptions {
  /** Time constant of the rate of late, in milliseconds. */
  readonly memory: number
  /** `Infinity`: nothing comes again. */
  readonly season: number
  /** Part of a season that has a rate of its own. */
  readonly slot: number
}

/**
 * Learns at what rate callers come: of late (exponentially weighted) and at this time of the season, and how far the counts are off from what was
 * expected. Times at which it was not told anything are left out. O(1)
 */
export class ArrivalModel {
  readonly #clock: Clock
  readonly #options: ArrivalModelOptions
  /** The bin that is being counted; the count at its beginning, and the last one it was told. */
  #bin: number | undefined
  #atBegin = 0
  #latest = 0
  #learned = 0
  /** Per millisecond. */
  #rate = 0
  /** What earlier seasons let expect for the same time. */
  #seasonal = 0
  #meanExpected = 0
  #meanSquaredError = 0
  readonly #slots = new Map<number, number>()
  #current: { slot: number; arrivals: number; ms: number } | undefined

  constructor(clock: Clock, options: ArrivalModelOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** So many have come so far. To be told once a second or so. */
  told(arrivals: number): void {
    const bin = Math.floor(this.#clock.now() / BIN_MS)
    if (this.#bin !== undefined && bin === this.#bin + 1) this.#learn(Math.max(0, this.#latest - this.#atBegin))
    // INV 27: who came while nobody told is not known, and nothing follows of it.
    if (bin !== this.#bin) this.#atBegin = bin - (this.#bin ?? -Infinity) === 1 ? this.#latest : arrivals
    this.#bin = bin
    this.#latest = arrivals
  }

  /** Callers to be expected per millisecond, so far ahead: the rate of late, or more where the season says so. */
  rateIn(aheadMs: number): number {
    const then = this.#slots.get(this.#slotAt(this.#clock.wallTime() + aheadMs))
    if (then === undefined) return this.#rate
    return Math.max(this.#rate, then * this.#level)
  }

  /** How busy it has been of late beside what earlier seasons were then. Where few were to be expected, that says little. */
  get #level(): number {
    const { memory } = this.#options
    const level = (this.#rate * memory + FEW) / (this.#seasonal * memory + FEW)
    return Math.min(MOST_LEVEL, Math.max(1 / MOST_LEVEL, level))
  }

  /** Variance of the counts as a multiple of what is expected: 1 when callers come independently of each other, more when they come together. */
  get dispersion(): number {
    return this.#meanExpected === 0 ? 1 : Math.max(1, this.#meanSquaredError / this.#meanExpected)
  }

  #learn(count: number): void {
    const share = Math.max(1 - Math.exp(-BIN_MS / this.#options.memory), 1 / ++this.#learned)
    const expected = this.#learned === 1 ? count : this.#rate * BIN_MS
    this.#meanExpected += share * (expected - this.#meanExpected)
    this.#meanSquaredError += share * ((count - expected) ** 2 - this.#meanSquaredError)
    this.#rate += share * (count / BIN_MS - this.#rate)
    this.#learnSeason(count, share)
  }

  #learnSeason(count: number, share: number): void {
    const slot = this.#slotAt(this.#clock.wallTime() - BIN_MS)
    this.#seasonal += share * ((this.#slots.get(slot) ?? this.#rate) - this.#seasonal)
    if (this.#current && this.#current.slot !== slot) this.#closeSlot(this.#current)
    if (this.#current?.slot !== slot) this.#current = { slot, arrivals: 0, ms: 0 }
    this.#current.arrivals += count
    this.#current.ms += BIN_MS
  }

  #closeSlot({ slot, arrivals, ms }: { slot: number; arrivals: number; ms: number }): void {
    const before = this.#slots.get(slot)
    const rate = arrivals / ms
    this.#slots.set(slot, before === undefined ? rate : before + LATEST_SEASON * (rate - before))
  }

  #slotAt(wallMs: number): number {
    const { season, slot } = this.#options
    return season === Infinity ? -1 : Math.floor((wallMs % season) / slot)
  }
}
