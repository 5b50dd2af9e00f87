// The global of that name is looked up anew at each call, which makes a reading a fifth dearer.
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../contracts/index.ts'

/** The longest delay setTimeout takes; a longer one would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1

class SystemTimer implements Timer {
  readonly #callback: () => void
  readonly #background: boolean
  #remaining: number
  #handle: NodeJS.Timeout | undefined

  constructor(callback: () => void, delayMs: number, background: boolean) {
    this.#callback = callback
    this.#background = background
    this.#remaining = delayMs
    this.#arm()
  }

  cancel(): void {
    clearTimeout(this.#handle)
    this.#handle = undefined
  }

  #arm(): void {
    const step = Math.min(this.#remaining, LONGEST_DELAY)
    this.#remaining -= step
    this.#handle = setTimeout(() => this.#elapsed(), step)
    if (this.#background) this.#handle.unref()
  }

  #elapsed(): void {
    if (this.#remaining > 0) this.#arm()
    else this.#callback()
  }
}

/** Real time. A delay may be of any length; one of `Infinity` never fires. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(callback, delayMs, options) {
    if (delayMs === Infinity) return NEVER
    return new SystemTimer(callback, delayMs, options?.background ?? false)
  },
}

const NEVER: Timer = { cancel() {} }
