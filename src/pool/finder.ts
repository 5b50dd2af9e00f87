import { type AcquireRequest, GreenroomError, type Served } from '../contracts/index.ts'
import { disown } from '../kernel/disown.ts'
import type { PoolEnvironment } from './environment.ts'
import { leastValuable } from './least-valuable.ts'
import type { Preparer } from './preparer.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'

/** A session for a caller, and how serving it from there is called. */
export interface Found {
  readonly session: Session
  readonly served: Served
}

/** Looks for the session that a caller may have at once. It binds nothing and moves nothing. */
export class Finder {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #preparer: Preparer

  constructor(env: PoolEnvironment, roster: Roster, preparer: Preparer) {
    this.#env = env
    this.#roster = roster
    this.#preparer = preparer
  }

  /**
   * The session of the caller's key; else a clean one of its tenant, or a spare.
   * @throws GreenroomError `STRATEGY_FAILED`, or what the balancer throws.
   */
  find(request: AcquireRequest): Found | undefined {
    if (request.key !== undefined) {
      const record = this.#roster.tenants.get(request.tenant)?.keys.get(request.key)
      if (record) {
        const { session } = record
        const lendable = session && (session.state === 'idle' || session.state === 'leased') && session.hasRoom && record.line.size === 0
        return lendable ? { session, served: 'same-key' } : undefined
      }
    }
    return this.findUnkeyed(request)
  }

  /** The same for a caller without a key, or whose key has no session. */
  findUnkeyed(request: AcquireRequest): Found | undefined {
    const tenant = this.#roster.tenants.get(request.tenant)
    const own = tenant && tenant.open.length > 0 ? this.#findOwn(tenant.open, request) : undefined
    if (own) return { session: own, served: own.leaseCount > 0 ? 'same-tenant' : 'spare' }
    if (tenant && tenant.claims >= this.#env.settings.size.perTenant) return undefined
    if (this.#roster.spares.length > 0) {
      const session = this.#pick(this.#roster.spares, request)
      return { session, served: session.leaseCount > 0 ? 'same-tenant' : 'spare' }
    }
    if (this.#env.settings.isolation !== 'none' || this.#roster.idleBound === 0) return undefined
    // It keeps its place for its key, and is of use to anybody all the same.
    const kept = leastValuable(this.#env, this.#roster, 'places', (session) => session.tenant !== undefined)
    return kept && { session: kept, served: 'same-tenant' }
  }

  /** A clean session of the tenant; where sessions are bound at their spawn, its spares come after those. */
  #findOwn(open: readonly Session[], request: AcquireRequest): Session | undefined {
    if (!this.#env.bindsAtSpawn) return this.needsFresh(request, open[0]!) ? undefined : this.#pick(open, request)
    const used = open.filter(({ leaseCount }) => leaseCount > 0)
    if (used.length > 0 && !this.needsFresh(request, used[0]!)) return this.#pick(used, request)
    const fresh = open.filter(({ leaseCount }) => leaseCount === 0)
    return fresh.length > 0 ? this.#pick(fresh, request) : undefined
  }

  /** A parked state can be restored only in a session that has served nobody. */
  needsFresh({ tenant, key }: AcquireRequest, { channel, leaseCount }: Session): boolean {
    return leaseCount > 0 && this.#preparer.willResume({ channel, tenant, key })
  }

  /** The caller's state can be restored only in a process that is started with it. */
  needsStart({ tenant, key }: AcquireRequest): boolean {
    return this.#env.driver.capabilities.resumesAtSpawn === true && this.#preparer.willResume({ channel: undefined, tenant, key })
  }

  /** Among equals the balancer chooses. */
  #pick(candidates: readonly Session[], request: AcquireRequest): Session {
    const session = this.#env.balancer.pick(candidates, request) as Session
    // Its place in the list; a choice among some of the list has other places.
    if (candidates[(session as Session | undefined)?.openIndex ?? -1] !== session && !candidates.includes(session)) {
      disown(session)
      throw new GreenroomError('STRATEGY_FAILED', "the balancer's pick returned something other than one of its candidates")
    }
    return session
  }
}
