import type { Clock, RequestOutcome } from '../contracts/index.ts'
import type { Timeouts } from '../kernel/timeouts.ts'
import type { PooledLease } from './lease.ts'
import type { Session } from './session.ts'

/** What leases and turns tell the pool. */
export interface LeaseHost {
  readonly clock: Clock
  readonly timeouts: Timeouts
  report(problem: unknown, where: string): void
  /** A turn is about to begin. */
  turnBegun(session: Session, owner: PooledLease, turn: object): void
  /** The program's terminal message has come. */
  turnSettled(session: Session, owner: PooledLease): void
  /** The caller has its answer or its error. */
  requestEnded(session: Session, turn: object, outcome: RequestOutcome, durationMs: number, now: number): void
  /** The lease is over, for whatever reason; its handle is dead already. */
  leaseEnded(session: Session, lease: PooledLease): void
  released(session: Session, lease: PooledLease): void
  destroyed(session: Session, lease: PooledLease, reason: string): void
}
