import type { Clock, Timer } from '../../src/contracts/index.ts'

interface Entry {
  readonly due: number
  readonly order: number
  readonly callback: () => void
  readonly background: boolean
}

/** A clock that stands still until it is moved by hand. Timers fire in the order they are due, equals in the order they were set. */
export class ManualClock implements Clock {
  readonly #entries = new Set<Entry>()
  #now: number
  #order = 0
  /** Timers set since the clock was made. */
  timersSet = 0

  constructor(start = 1_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now
  }

  setTimer(callback: () => void, delayMs: number, options?: { background?: boolean }): Timer {
    this.timersSet++
    const entry = { due: this.#now + Math.max(0, delayMs), order: this.#order++, callback, background: options?.background ?? false }
    if (delayMs !== Infinity) this.#entries.add(entry)
    return { cancel: () => void this.#entries.delete(entry) }
  }

  /** Timers pending. */
  get pending(): number {
    return this.#entries.size
  }

  /** Timers pending that would not keep the host alive. */
  get pendingBackground(): number {
    return [...this.#entries].filter(({ background }) => background).length
  }

  /** Lets time pass, firing what becomes due on the way, also what is set on the way. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#entries.delete(next)
      this.#now = Math.max(this.#now, next.due)
      next.callback()
    }
    this.#now = end
  }

  #next(end: number): Entry | undefined {
    let next: Entry | undefined
    for (const entry of this.#entries) {
      if (entry.due > end) continue
      if (!next || entry.due < next.due || (entry.due === next.due && entry.order < next.order)) next = entry
    }
    return next
  }
}
