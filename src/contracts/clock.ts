/** A timer that was set; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * Where greenroom takes its time from. One real implementation exists; tests and the replay lab use a virtual one.
 * All times are milliseconds.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin. Use it for every interval; it never jumps. */
  now(): number
  /** Milliseconds since the Unix epoch. Use it only for what people read. */
  wallTime(): number
  /**
   * Calls `callback` once after `delayMs`.
   * A `background` timer does not keep the host alive.
   */
  setTimer(callback: () => void, delayMs: number, options?: { background?: boolean }): Timer
}

/** Where greenroom takes its chance from. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
}

/** Uniform integer in [0, below). */
export function randomInt(random: Random, below: number): number {
  return Math.floor(random.next() * below)
}
