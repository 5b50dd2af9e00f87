import type { Pool, PoolStats } from 'greenroom/kit'

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string }

/**
 * Whether it makes sense to send requests here. A pool whose sessions are all busy is ready: its callers wait their turn.
 * One that has never had a session is not, unless it is one that starts none ahead of demand.
 */
export class ReadinessCheck {
  readonly #pool: Pool
  #hadSession = false

  constructor(pool: Pool) {
    this.#pool = pool
  }

  look(): Readiness {
    const stats = this.#pool.getPoolStats()
    this.#hadSession ||= hasHadSession(stats)
    if (stats.state !== 'open') return { ready: false, reason: `the pool is ${stats.state}` }
    if (stats.breaker === 'open') return { ready: false, reason: 'too many starts or sessions failed in a row: the breaker is open' }
    if (!this.#hadSession && stats.limits.min + stats.limits.spare > 0) return { ready: false, reason: 'no session has been ready yet' }
    return { ready: true }
  }
}

function hasHadSession(stats: PoolStats): boolean {
  const { acquires } = stats
  return stats.idleSessions + stats.activeSessions + stats.settling + stats.checking > 0
    || acquires.sameKey + acquires.sameTenant + acquires.spare + acquires.resumed + acquires.started > 0
}
