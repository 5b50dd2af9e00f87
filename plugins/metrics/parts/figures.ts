import type { PoolStats } from 'greenroom/kit'
import type { STATES } from './recorder.ts'

/** Sessions by state. */
export function sessionsByState(stats: PoolStats): Record<(typeof STATES)[number], number> {
  const { starting, idleSessions: idle, activeSessions: leased, settling, checking, ending } = stats
  return { starting, idle, leased, settling, checking, ending }
}
