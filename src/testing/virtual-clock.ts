import type { Clock, Timer } from '../contracts/index.ts'
import { TimerHeap, type VirtualTimer } from './timer-heap.ts'

/** Where virtual time begins; not 0, so that a forgotten start time shows. */
const ORIGIN = 1_000
const EPOCH = 1_700_000_000_000
const LONGEST_WAIT = 86_400_000

/**
 * A clock that stands still until it is moved. Between two timers all promise chains run to their end, however long they are, so
 * that what happens in an hour happens in milliseconds, in the same order every time.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap()
  #now = ORIGIN
  #order = 0
  #pending = 0
  #pendingBackground = 0

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return EPOCH + this.#now
  }

  setTimer(callback: () => void, delayMs: number, { background = false }: { background?: boolean } = {}): Timer {
    if (delayMs === Infinity) return { cancel() {} }
    const timer: VirtualTimer = { due: this.#now + Math.max(0, delayMs), order: this.#order++, background, callback, cancelled: false }
    this.#timers.push(timer)
    this.#count(timer, 1)
    return {
      cancel: () => {
        if (timer.cancelled) return
        timer.cancelled = true
        this.#count(timer, -1)
      },
    }
  }

  /** Timers that are set, background ones included. */
  get pending(): number {
    return this.#pending
  }

  /** Those of them that would not keep the host alive. */
  get pendingBackground(): number {
    return this.#pendingBackground
  }

  /** Lets promise chains run to their end; time stands still. */
  settle(): Promise<void> {
    // An immediate comes after all promise jobs and ticks, also those they bring about.
    return new Promise((resolve) => setImmediate(resolve))
  }

  /**
   * Lets `ms` milliseconds pass: fires what becomes due on the way, also what is set on the way. Rejects with what a timer's callback throws.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (let timer = this.#next(); timer && timer.due <= end; timer = this.#next()) {
      this.#fire(timer)
      await this.settle()
    }
    this.#now = end
  }

  /**
   * Lets time pass until nothing but background timers is left to wait for.
   * @param limitMs Rejects when that takes longer than so much virtual time. Default: a day.
   */
  async runUntilIdle(limitMs: number = LONGEST_WAIT): Promise<void> {
    const end = this.#now + limitMs
    await this.settle()
    while (this.#pending > this.#pendingBackground) {
      const timer = this.#next()!
      if (timer.due > end) throw new Error(`after ${limitMs} ms of virtual time there are still ${this.#pending - this.#pendingBackground} timers to wait for`)
      this.#fire(timer)
      await this.settle()
    }
  }

  #next(): VirtualTimer | undefined {
    while (this.#timers.peek()?.cancelled) this.#timers.pop()
    return this.#timers.peek()
  }

  #fire(timer: VirtualTimer): void {
    this.#timers.pop()
    timer.cancelled = true
    this.#count(timer, -1)
    this.#now = Math.max(this.#now, timer.due)
    timer.callback()
  }

  #count(timer: VirtualTimer, by: number): void {
    this.#pending += by
    if (timer.background) this.#pendingBackground += by
  }
}
