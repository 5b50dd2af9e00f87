import type { Clock, Random, Timer } from '../contracts/index.ts'

/** Each interval is drawn from 90–110 % of the mean one, the time until the next look included. */
const SHORTEST = 0.9
const LONGEST = 1.1
/** So many looks in the time of one interval, at most. */
const LOOKS = 30
/** So many visits are made in one go, and the next a little later. */
const MOST_AT_ONCE = 16
const PAUSE_MS = 10
/** A timer may be early by so much. */
const EARLY_MS = 1

/**
 * Visits everybody now and then, each at intervals of its own chance. Those who are due within a thirtieth of the interval are visited one after
 * the other, a few at a time: that the host wakes up for each of them would be most of the cost. When there are more visits than can be
 * made, who was visited longest ago comes first. O(n) a look.
 */
export class Rounds<T> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #visit: (one: T) => void
  /** Who was visited longest ago comes first. */
  readonly #dueAt = new Map<T, number>()
  #everyMs = Infinity
  #timer: Timer | undefined
  #nextLookAt = Infinity

  constructor(clock: Clock, random: Random, visit: (one: T) => void) {
    this.#clock = clock
    this.#random = random
    this.#visit = visit
  }

  /** Visits nobody any more, and from now on those who are added every so often. */
  restart(everyMs: number): void {
    this.#dueAt.clear()
    this.#everyMs = everyMs
    this.#rest()
  }

  /** Its first visit is within all of an interval. */
  add(one: T): void {
    this.#draw(one, 0, LONGEST)
    this.#lookAt(this.#dueAt.get(one)!)
  }

  remove(one: T): void {
    if (this.#dueAt.delete(one) && this.#dueAt.size === 0) this.#rest()
  }

  #draw(one: T, shortest: number, longest: number): void {
    const latest = longest - 1 / LOOKS
    this.#dueAt.delete(one)
    this.#dueAt.set(one, this.#clock.now() + this.#everyMs * (shortest + (latest - shortest) * this.#random.next()))
  }

  /** No sooner than the next look that everybody shares. */
  #lookAt(dueAt: number): void {
    const step = this.#everyMs / LOOKS
    this.#wakeAt(Math.max(dueAt, Math.ceil(dueAt / step) * step))
  }

  #wakeAt(at: number): void {
    if (at >= this.#nextLookAt) return
    this.#timer?.cancel()
    this.#nextLookAt = at
    this.#timer = this.#clock.setTimer(this.#look, Math.max(0, at - this.#clock.now()), { background: true })
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#nextLookAt = Infinity
  }

  readonly #look = (): void => {
    this.#rest()
    const now = this.#clock.now()
    const due: T[] = []
    let soonest = Infinity
    for (const [one, dueAt] of this.#dueAt) {
      if (dueAt <= now + EARLY_MS && due.length < MOST_AT_ONCE) due.push(one)
      else soonest = Math.min(soonest, dueAt)
    }
    for (const one of due) {
      // What a visit to another did may have ended it.
      if (!this.#dueAt.has(one)) continue
      this.#draw(one, SHORTEST, LONGEST)
      soonest = Math.min(soonest, this.#dueAt.get(one)!)
      this.#visit(one)
    }
    if (this.#dueAt.size === 0) return
    if (soonest <= now + EARLY_MS) this.#wakeAt(now + PAUSE_MS)
    else this.#lookAt(soonest)
  }
}
