import type { AcquireRequest, Served } from '../contracts/index.ts'
import type { Demand } from './demand.ts'
import type { PoolEnvironment } from './environment.ts'
import { PooledLease } from './lease.ts'
import type { Preparer } from './preparer.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'
import type { Settler } from './settler.ts'
import type { Terms } from './waiting-line.ts'

/** Hears of the leases that begin. */
export interface GrantListener {
  granted(session: Session, lease: PooledLease): void
}

/** Makes a session a caller's: binds it, writes the lease, and has the program told what it must know. */
export class Granter {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #settler: Settler
  readonly #listener: GrantListener
  readonly #preparer: Preparer
  readonly #demand: Demand

  constructor(deps: { env: PoolEnvironment; roster: Roster; settler: Settler; preparer: Preparer; demand: Demand; listener: GrantListener }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#settler = deps.settler
    this.#preparer = deps.preparer
    this.#demand = deps.demand
    this.#listener = deps.listener
  }

  /**
   * `since` is when the caller asked. The session is the caller's when this returns; it is promised where the program must be told something
   * before the lease is handed out.
   */
  grant(session: Session, served: Served, request: AcquireRequest, now: number, since: number, terms: Terms): PooledLease | Promise<PooledLease> {
    const { decisions, hooks, settings, statistics } = this.#env
    const wasSpare = session.leaseCount === 0
    const waitMs = now - since
    if (session.communal && (session.key !== request.key || session.tenant !== request.tenant)) this.#roster.unkey(session)
    // What is anybody's, and for no key, is bound to nobody: a tenant's books would be made and thrown away for each caller.
    if (!session.communal || request.key !== undefined) {
      const tenant = this.#roster.tenant(request.tenant)
      this.#roster.bind(session, tenant, request.key)
      this.#roster.forgetIfEmpty(tenant)
    }
    session.preparing = wasSpare && this.#preparer.isNeeded(session)
    const lease = new PooledLease(this.#settler, session, request.tenant, request.key, this.#served(session, served, wasSpare), now, settings.timeouts.active)
    if (terms.handlers) lease.handleAll(terms.handlers)
    session.lend(lease)
    session.lastUsedAt = now
    session.servesSince ??= now
    if (++session.leaseCount >= settings.maxUses) session.retireAtRelease ??= 'worn'
    this.#listener.granted(session, lease)
    if (session.state === 'idle') this.#roster.move(session, 'leased')
    else this.#roster.refreshOpen(session)
    if (wasSpare) this.#demand.poke('taken')
    else if (session.communal) this.#demand.taken(this.#roster.busy)

    statistics.acquired(lease.served, waitMs, now)
    decisions.record('choose', lease.served, session, now)
    if (hooks.acquired.isUsed()) hooks.acquired.call(session, request, { served: lease.served, waitMs })
    return session.preparing ? this.#prepare(session, lease, since, terms) : lease
  }

  async #prepare(session: Session, lease: PooledLease, since: number, { timeoutMs, signal }: Terms): Promise<PooledLease> {
    const starts = session.relaunching
    await this.#preparer.prepare(session, lease, since + timeoutMs, signal)
    // One more may be starting now.
    if (starts) this.#demand.poke('ready')
    session.preparing = false
    if (session.state === 'leased') this.#roster.slotFreed(session)
    return lease
  }

  #served(session: Session, served: Served, wasSpare: boolean): Served {
    return wasSpare && served !== 'started' && this.#preparer.willResume(session) ? 'resumed' : served
  }
}
