import type { ScaleTrigger } from '../contracts/index.ts'

const NOW = Promise.resolve()

/**
 * Carries the news that demand has changed to whoever scales, once per turn of the event loop however many changes there were:
 * a burst of a thousand acquires is one decision.
 */
export class Demand {
  readonly #report: (problem: unknown, where: string) => void
  #listener: ((trigger: ScaleTrigger) => void) | undefined
  #pending: ScaleTrigger | undefined
  /** At the last look. */
  #busyThen = 0
  #isSated: () => boolean = () => false

  constructor(report: (problem: unknown, where: string) => void) {
    this.#report = report
  }

  /** @param isSated True while one more who waits can change nothing. */
  listen(listener: (trigger: ScaleTrigger) => void, isSated: () => boolean): void {
    this.#listener = listener
    this.#isSated = isSated
  }

  /** So many sessions are busy now that one more has been taken: no news as long as they are no more than at the last look. */
  taken(busy: number): void {
    if (busy > this.#busyThen) this.poke('taken')
  }

  /** One more caller waits. */
  waits(): void {
    if (!this.#isSated()) this.poke('waiter')
  }

  /** Somebody looks at how many are busy. */
  looked(busy: number): void {
    this.#busyThen = busy
  }

  poke(trigger: ScaleTrigger): void {
    const asked = this.#pending !== undefined
    // A tick is the least telling of the causes that come together.
    if (!asked || this.#pending === 'tick') this.#pending = trigger
    // Half of what queueMicrotask costs, which keeps an async resource for each.
    if (!asked) void NOW.then(this.#deliver)
  }

  readonly #deliver = (): void => {
    const trigger = this.#pending!
    this.#pending = undefined
    try {
      this.#listener?.(trigger)
    } catch (error) {
      this.#report(error, 'scaling')
    }
  }
}
