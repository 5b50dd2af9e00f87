import type { RequestOutcome } from '../hooks.ts'
import type { SessionView } from '../session.ts'

/** Who asks for a session. */
export interface AcquireRequest {
  readonly tenant: string
  readonly key: string | undefined
  readonly priority: number
}

/** Chooses among sessions that would all serve the request equally well by right. */
export interface Balancer {
  /**
   * One of `candidates` (never empty; do not keep or change the array). The pool may hold thousands: stop looking as soon
   * as nothing better can come.
   */
  pick(candidates: readonly SessionView[], request: AcquireRequest): SessionView
  /**
   * Told after the fact, as are the next two, when it is there: `session` is ready, and may be among the candidates from now on. What they
   * throw is reported, and harms nobody. What is kept of a session belongs into a WeakMap.
   */
  joined?(session: SessionView): void
  /** A request on `session` is over for its caller; the session may still be at work on it. */
  ended?(session: SessionView, outcome: RequestOutcome, durationMs: number): void
  /** `session` is being ended, and is never a candidate again. */
  left?(session: SessionView): void
}
