import { type Clock, formatDuration } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { DEFAULT_VALIDATE_MS } from './options.ts'

/** True when the resource may be lent. What it throws is a no. */
export type Validate<T> = (resource: T) => PromiseLike<boolean> | boolean

/** Has resources looked at, and counts those that are. */
export class Examiner<T> {
  /** Just made: before anybody may have them. */
  fresh = 0
  /** Before they are lent. */
  lent = 0
  /** After they were released. */
  returned = 0
  readonly #clock: Clock
  readonly #problem: (problem: unknown, where: string) => void

  constructor(clock: Clock, problem: (problem: unknown, where: string) => void) {
    this.#clock = clock
    this.#problem = problem
  }

  async look(at: 'fresh' | 'lent' | 'returned', resource: T, validate: Validate<T>, signal: AbortSignal, patienceMs: number = Infinity): Promise<boolean> {
    // A resource that is about to be lent is counted from the moment in which the pool gave it away.
    if (at !== 'lent') this[at]++
    const ms = Math.max(0, Math.min(DEFAULT_VALIDATE_MS, patienceMs))
    try {
      return await runWithDeadline(() => validate(resource), ms, this.#clock, () => new Error(`validate() took longer than ${formatDuration(ms)}`), signal)
    } catch (problem) {
      // INV 8: what can't be looked at is not valid. Who gave up, or the end of the pool, is no problem of the resource's.
      if (!signal.aborted) this.#problem(problem, 'validate()')
      return false
    } finally {
      this[at]--
    }
  }
}
