import type { Clock } from '../contracts/index.ts'

/** Lines that may come at once, and the milliseconds after which one more may. */
const BURST = 5
const REFILL_MS = 1_000

/** Writes lines as long as they are few. Of a flood it writes some, and then how many it kept back. */
export class RateLimitedLog {
  readonly #write: (text: string) => void
  readonly #clock: Clock
  #tokens = BURST
  #refilledAt: number
  #keptBack = 0

  constructor(write: (text: string) => void, clock: Clock) {
    this.#write = write
    this.#clock = clock
    this.#refilledAt = clock.now()
  }

  log(text: string): void {
    const refills = Math.floor((this.#clock.now() - this.#refilledAt) / REFILL_MS)
    this.#tokens = Math.min(BURST, this.#tokens + refills)
    this.#refilledAt += refills * REFILL_MS
    if (this.#tokens === 0) {
      this.#keptBack++
      return
    }
    this.#tokens--
    this.flush()
    this.#write(text)
  }

  /** Writes how many lines were kept back since the last one. */
  flush(): void {
    if (this.#keptBack > 0) this.#write(`(${this.#keptBack} more not shown)`)
    this.#keptBack = 0
  }
}
