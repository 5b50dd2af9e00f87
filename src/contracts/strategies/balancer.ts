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
}
