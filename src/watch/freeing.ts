import type { PoolEnvironment } from '../pool/environment.ts'
import type { Roster } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { WaitingLine } from '../pool/waiting-line.ts'

/** A lease that has lasted for so many mean ones may last for any time: nobody is to wait for its end. */
const PATIENCE = 4

/** What counting looks at. */
export interface FreeingParts {
  readonly env: PoolEnvironment
  readonly roster: Roster
  readonly line: WaitingLine
  /** A session without a key is of use to its tenant, or to anybody, when its lease is over. */
  readonly reusesOneOffs: boolean
}

/** How long a lease may have lasted to be counted on, in milliseconds; `undefined` while nothing is known of leases. */
export function patienceMs({ statistics }: PoolEnvironment): number | undefined {
  const hold = statistics.hold.value
  return hold === undefined ? undefined : PATIENCE * hold
}

/**
 * Places on busy sessions that will serve those who queue as soon as they are free. Those held for unusually long are not counted: a session
 * that hangs keeps nobody from getting another. With isolation 'tenant' only where it is sure of each: all who queue are of one tenant that
 * uses no keys, and its sessions are reset. O(sessions).
 */
export function countFreeing(parts: FreeingParts): number {
  const { env, roster, line, reusesOneOffs } = parts
  const patience = patienceMs(env)
  if (patience === undefined || line.queued === 0 || env.bindsAtSpawn) return 0
  const communal = env.settings.isolation === 'none'
  const tenant = communal ? undefined : onlyTenant(line, roster)
  if (!communal && (!reusesOneOffs || tenant === undefined)) return 0
  const earliest = env.clock.now() - patience
  let places = 0
  for (const session of roster.sessions.values()) {
    if (session.retireAtRelease !== undefined || session.parking) continue
    if (communal ? isSpokenFor(session, roster) : session.tenant !== tenant) continue
    if (session.state === 'settling' && session.lastUsedAt >= earliest) places++
    if (session.state !== 'leased') continue
    for (const { startedAt } of session.leases) {
      if (startedAt >= earliest) places++
    }
  }
  return places
}

/** The one tenant whose callers queue, none of them for a key. */
function onlyTenant(line: WaitingLine, roster: Roster): string | undefined {
  for (const { tenant } of line.waiters) {
    const facts = roster.tenants.get(tenant)
    return facts?.queued === line.queued && facts.keys.size === 0 ? tenant : undefined
  }
  return undefined
}

/** True when those come first who ask for the session's key, or share it by that. */
function isSpokenFor({ tenant, key, outstanding }: Session, roster: Roster): boolean {
  if (key === undefined || tenant === undefined) return false
  return outstanding > 1 || (roster.tenants.get(tenant)?.keys.get(key)?.line.size ?? 0) > 0
}
