/** Of the first few the plain mean is taken: one alone says little. */
const WARM_UP = 10

/** An exponentially weighted mean over about so many values. */
export class LongMean {
  readonly #share: number
  #count = 0
  #value = 0

  /** @param window Values that make it up. */
  constructor(window: number) {
    this.#share = 2 / (window + 1)
  }

  /** 0 before the first. */
  get value(): number {
    return this.#value
  }

  add(value: number): void {
    this.#count++
    const share = this.#count <= WARM_UP ? 1 / this.#count : this.#share
    this.#value += share * (value - this.#value)
  }

  /** Has it be so many times what it is. */
  scale(by: number): void {
    this.#value *= by
  }
}
