import type { LimitFacts } from '../errors.ts'
import type { SessionView, Usage } from '../session.ts'

/**
 * What a limit makes of one measurement, the mildest first:
 *
 * - `ok`: nothing to do.
 * - `report`: only noted, as a decision.
 * - `throttle`: the session's processes are held to `percent` of one core, or, where the system can't, run for `share` (0–1) of the time,
 *   until a later verdict.
 * - `recycle`: the session is ended at its release, at once when it is idle.
 * - `end`: it is ended now; its lease gets `code` with the reason and the facts.
 *
 * The reason, with its figures, is recorded as a decision.
 */
export type LimitVerdict =
  | { readonly action: 'ok' }
  | { readonly action: 'report'; readonly reason: string }
  | { readonly action: 'throttle'; readonly reason: string; readonly share: number; readonly percent: number }
  | { readonly action: 'recycle'; readonly reason: string }
  | { readonly action: 'end'; readonly reason: string; readonly code: LimitCode; readonly limit?: LimitFacts }

/** The error codes of sessions that a limit ended. */
export type LimitCode = 'SESSION_MEMORY_LIMIT' | 'SESSION_CPU_LIMIT' | 'SESSION_LIMIT'

/** What a session has written since its start. */
export interface SessionOutput {
  readonly stdoutBytes: number
  /** Absent where it is not counted. */
  readonly stderrBytes?: number
}

/** Judges sessions, each at every measurement; of several limits the severest verdict holds. Made once per pool. */
export interface Limit {
  /**
   * Judges one session's fresh measurement. Figures that are unknown must not lead to a verdict other than `ok`. What is kept of a
   * session between measurements belongs into a WeakMap.
   */
  judge(session: SessionView, usage: Usage, output: SessionOutput): LimitVerdict
  /**
   * Resident bytes from which `usage.proportionalBytes` must be of this very measurement, where it can be had at all: resident memory
   * counts shared pages many times, proportional memory is never more and costs much to measure. Default: never.
   */
  readonly exactMemoryFrom?: number
  /**
   * Has the system hold a session's processes to so much CPU, in percent of one core; `undefined`: not any more. False when it can't:
   * then they are stopped and continued in turn.
   */
  throttle?(session: SessionView, percent: number | undefined): boolean
}
