import { formatDuration, GreenroomError, type SessionState } from '../contracts/index.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { GrantListener } from '../pool/granter.ts'
import type { PooledLease } from '../pool/lease.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'
import { roundedSpan } from './spans.ts'

interface Watched {
  readonly timeout: Timeout
  readonly due: number
}

/**
 * Takes back what is held for longer than timeouts.active (INV 6). A session has one time-out for all its leases, which is not touched
 * while they come and go: when it is due, it looks who holds the session by then, and for how long. What is left then is rounded up to a
 * thousandth of the whole. One for each lease would cost a tenth of a turn.
 */
export class LeaseLimit implements GrantListener, RosterListener {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #timeouts: Timeouts
  readonly #watched = new Map<Session, Watched>()

  constructor(deps: { env: PoolEnvironment; retirer: Retirer; settler: Settler; background: Timeouts }) {
    this.#env = deps.env
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#timeouts = deps.background
  }

  granted(session: Session, { limitMs, startedAt }: PooledLease): void {
    if (limitMs === Infinity) return
    const watched = this.#watched.get(session)
    // Due later: the limit was another when the lease that it is for began.
    if (!watched || watched.due > startedAt + limitMs) this.#arm(session, limitMs, startedAt)
  }

  changed(session: Session, _from: SessionState | undefined, to: SessionState): void {
    if (to === 'ending') this.#forget(session)
  }

  #arm(session: Session, ms: number, now: number): void {
    this.#forget(session)
    this.#watched.set(session, { timeout: this.#timeouts.add(ms, this.#look, session, now), due: now + ms })
  }

  #forget(session: Session): void {
    const watched = this.#watched.get(session)
    if (!watched) return
    this.#timeouts.remove(watched.timeout)
    this.#watched.delete(session)
  }

  readonly #look = (session: Session): void => {
    this.#watched.delete(session)
    const now = this.#env.clock.now()
    let next = Infinity
    for (const lease of session.leases) {
      const leftMs = lease.startedAt + lease.limitMs - now
      if (leftMs > 0) next = Math.min(next, roundedSpan(leftMs, lease.limitMs))
      else this.#overdue(session, lease)
    }
    if (next !== Infinity && session.state === 'leased') this.#arm(session, next, now)
  }

  #overdue(session: Session, lease: PooledLease): void {
    const limit = formatDuration(lease.limitMs)
    const error = new GreenroomError('LEASE_TIMEOUT', `the lease lasted longer than ${limit} (timeouts.active)`, { sessionId: session.id })
    // What it was doing is unknown: the session is not to be trusted. Noted first: who hears that the lease is over may ask for the session anew.
    this.#settler.retireAtRelease(session, 'lease-timeout')
    lease.revoke(error)
    if (session.outstanding === 0) void this.#retirer.retire(session, 'lease-timeout', error)
  }
}
