import type { Clock } from 'greenroom/kit'

interface Entry {
  readonly value: number
  readonly at: number
}

/** The largest of the values of the last while. O(1), amortised. */
export class WindowMaximum {
  readonly #clock: Clock
  readonly #windowMs: number
  /** Each is smaller than all before it: one that is not makes those before it of no account. */
  readonly #entries: Entry[] = []

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  add(value: number): void {
    while ((this.#entries.at(-1)?.value ?? Infinity) <= value) this.#entries.pop()
    this.#entries.push({ value, at: this.#clock.now() })
  }

  /** `-Infinity` when there was none in the window. */
  get value(): number {
    const earliest = this.#clock.now() - this.#windowMs
    while (this.#entries.length > 0 && this.#entries[0]!.at < earliest) this.#entries.shift()
    return this.#entries[0]?.value ?? -Infinity
  }
}
