import type { Clock, KeyPast } from '../contracts/index.ts'
import type { Session } from './session.ts'

/** What the key of a session has done up to now, before it was parked the last time too. */
export function pastOf({ leaseCount, lastUsedAt, past, servesSince }: Session, clock: Clock): KeyPast {
  const sinceEpoch = (at: number): number => clock.wallTime() - (clock.now() - at)
  return {
    uses: (past?.uses ?? 0) + leaseCount,
    firstUsedAt: past?.firstUsedAt ?? sinceEpoch(servesSince ?? lastUsedAt),
    lastUsedAt: sinceEpoch(lastUsedAt),
  }
}
