import type { EndReason, PoolFacts, PoolHooks, SessionState } from '../contracts/index.ts'
import type { Session } from './session.ts'
import { Tenant } from './tenant.ts'

const ALLOWED: Readonly<Record<SessionState, readonly SessionState[]>> = {
  starting: ['idle', 'ending'],
  idle: ['leased', 'checking', 'settling', 'ending'],
  leased: ['idle', 'settling', 'ending'],
  settling: ['idle', 'ending'],
  checking: ['idle', 'ending'],
  ending: ['gone'],
  gone: [],
}

/** Hears of changes of state, after they are complete. */
export interface RosterListener {
  changed(session: Session, from: SessionState | undefined, to: SessionState): void
}

/**
 * Who is there, and in which state: the one place where a session's state changes. Every change keeps the counts and the
 * lists, so that nobody has to search, and is told to the plugins' hook and then to the listeners in their order.
 */
export class Roster {
  readonly sessions = new Map<string, Session>()
  readonly tenants = new Map<string, Tenant>()
  /** Sessions with room that belong to nobody: whoever comes may have them. (Those bound at their spawn are in their tenant's list.) */
  readonly spares: Session[] = []
  readonly counts: Record<SessionState, number> = { starting: 0, idle: 0, leased: 0, settling: 0, checking: 0, ending: 0, gone: 0 }
  /** Idle sessions that have served nobody, and how many of them have been so for longer than timeouts.idle. */
  idleSpares = 0
  expiredSpares = 0
  /** Sessions that settle only to leave. */
  #parking = 0
  readonly #hook: PoolHooks['state']
  readonly #listeners: RosterListener[] = []
  /** Those of them who hear also that a lease is over, and that a session has room beside one: there are many of these changes, and few whom they concern. */
  readonly #leaseListeners: RosterListener[] = []

  constructor(hooks: PoolHooks) {
    this.#hook = hooks.state
  }

  /**
   * Listeners are called in the order they were added; the allocator, which acts on changes, is added last.
   * @param leases Whether it hears also that a leased session is idle again, and that one that was leased has room for others still.
   */
  listen(listener: RosterListener, leases: boolean): void {
    this.#listeners.push(listener)
    if (leases) this.#leaseListeners.push(listener)
  }

  /** Live processes, starting and dying ones included (INV 9). */
  get live(): number {
    return this.sessions.size
  }

  /** Live sessions that are on their way out. */
  get leaving(): number {
    return this.counts.ending + this.#parking
  }

  /** Live sessions that are here to stay. */
  get staying(): number {
    return this.sessions.size - this.leaving
  }

  /** Idle sessions that have served somebody, and are of use to one tenant, or for one key, only. */
  get idleBound(): number {
    return this.counts.idle - this.idleSpares
  }

  get busy(): number {
    return this.counts.leased + this.counts.settling - this.#parking
  }

  /**
   * How many of those who queue neither a start nor an ending under way will serve; `queued` is how many queue. O(1), but O(tenants that
   * are here) where sessions are bound at their spawn.
   */
  unserved(queued: number, bindsAtSpawn: boolean): number {
    let unserved = queued - this.counts.starting
    if (bindsAtSpawn) {
      unserved = 0
      for (const tenant of this.tenants.values()) unserved += tenant.unserved
    }
    return unserved - this.leaving
  }

  /** Where sessions are bound at their spawn: how many are starting for tenants nobody of whom waits. O(tenants that are here). */
  get startingAhead(): number {
    let ahead = 0
    for (const { starting, queued } of this.tenants.values()) ahead += Math.max(0, starting - queued)
    return ahead
  }

  facts(waiting: number): PoolFacts {
    return { total: this.live, active: this.counts.leased, idle: this.counts.idle, waiting }
  }

  tenant(name: string): Tenant {
    let tenant = this.tenants.get(name)
    if (!tenant) this.tenants.set(name, (tenant = new Tenant(name)))
    return tenant
  }

  /** Forgets a tenant that has nothing here any more: there may be millions over a host's life. */
  forgetIfEmpty(tenant: Tenant): void {
    if (tenant.isEmpty && this.tenants.get(tenant.name) === tenant) this.tenants.delete(tenant.name)
  }

  /** A session has been started, for a certain tenant where sessions are bound at their spawn. */
  add(session: Session, tenant?: Tenant): void {
    this.sessions.set(session.id, session)
    this.counts.starting++
    if (tenant) {
      session.tenant = tenant.name
      tenant.bound++
      tenant.starting++
      tenant.unclaimed++
    }
    this.#tell(session, undefined, 'starting')
  }

  /**
   * Binds a session to a tenant, once and for ever (INV 2), and to a key. A communal session is bound only while it has a key.
   */
  bind(session: Session, tenant: Tenant, key: string | undefined): void {
    if (session.tenant !== undefined && session.tenant !== tenant.name) {
      throw new Error(`greenroom: session ${session.id} belongs to one tenant and was about to be given to another`)
    }
    if (session.unclaimed && !(session.communal && key === undefined)) {
      this.#uncount(session)
      this.#close(session)
      session.unclaimed = false
      if (session.tenant === undefined) tenant.bound++
      else tenant.unclaimed--
      session.tenant = tenant.name
      this.#count(session)
    }
    if (key === session.key) return
    if (session.key !== undefined) tenant.leaveKey(session.key, session)
    session.key = key
    if (key !== undefined) tenant.keyed(key).session = session
    this.refreshOpen(session)
  }

  /** Takes the key off a session that has been reset, or that is communal. */
  unkey(session: Session): void {
    if (session.key === undefined) return
    const tenant = this.tenant(session.tenant!)
    this.#close(session)
    tenant.leaveKey(session.key, session)
    session.key = undefined
    if (session.communal) {
      this.#uncount(session)
      session.tenant = undefined
      session.unclaimed = true
      tenant.bound--
      this.#count(session)
      this.forgetIfEmpty(tenant)
    }
    this.refreshOpen(session)
  }

  /** Notes that an idle session has been so for longer than timeouts.idle. */
  expire(session: Session): void {
    this.#uncount(session)
    session.expired = true
    this.#count(session)
  }

  /** A session that nobody uses leaves, as soon as its state is in the store. */
  park(session: Session): void {
    session.parking = true
    this.#parking++
    if (session.state !== 'settling') this.move(session, 'settling')
  }

  move(session: Session, to: SessionState, reason?: EndReason): void {
    const from = this.#become(session, to)
    if (reason !== undefined) session.endReason = reason
    this.refreshOpen(session)
    this.#tell(session, from, to)
  }

  /**
   * A caller has let go of a session. It is given to `heir` first, which is true when it has found the next for it: then nobody has to act on
   * its being idle in between, and only the hook hears of it.
   */
  release(session: Session, heir: (session: Session) => boolean): void {
    const from = this.#become(session, 'idle')
    if (this.#hook.isUsed()) this.#hook.call(session, from, 'idle', undefined)
    if (heir(session)) return
    this.refreshOpen(session)
    this.#tellListeners(session, from, 'idle')
  }

  #become(session: Session, to: SessionState): SessionState {
    const from = session.state
    this.#shift(session, from, to)
    this.#uncount(session)
    session.state = to
    if (from === 'starting' && session.tenant !== undefined) this.tenant(session.tenant).starting--
    if (from === 'leased') session.expired = false
    if (session.parking && to === 'ending') {
      session.parking = false
      this.#parking--
    }
    this.#count(session)
    if (to === 'gone') {
      this.sessions.delete(session.id)
      this.#leaveTenant(session)
    }
    return from
  }

  #shift({ id }: Session, from: SessionState, to: SessionState): void {
    const { counts } = this
    // Nearly all changes are of leases: looked up by their names they would take three times as long.
    if (from === 'idle' && to === 'leased') {
      counts.idle--
      counts.leased++
    } else if (from === 'leased' && to === 'idle') {
      counts.leased--
      counts.idle++
    } else {
      if (!ALLOWED[from].includes(to)) throw new Error(`greenroom: session ${id} cannot go from ${from} to ${to}`)
      counts[from]--
      if (to !== 'gone') counts[to]++
    }
  }

  /** A shared session has room for one more lease. Told to the listeners as leased → leased. */
  slotFreed(session: Session): void {
    this.refreshOpen(session)
    for (let i = 0; i < this.#leaseListeners.length; i++) this.#leaseListeners[i]!.changed(session, 'leased', 'leased')
  }

  /** Puts the session into, or out of, the list of those open to any caller (of its tenant). */
  refreshOpen(session: Session): void {
    const open = session.key === undefined && (session.state === 'idle' || session.state === 'leased') && session.hasRoom
    if (open === session.openIndex >= 0) return
    if (!open) return this.#close(session)
    const list = this.#openList(session)
    session.openIndex = list.length
    list.push(session)
  }

  #count(session: Session): void {
    if (session.state !== 'idle' || !session.unclaimed) return
    this.idleSpares++
    if (session.expired) this.expiredSpares++
  }

  #uncount(session: Session): void {
    if (session.state !== 'idle' || !session.unclaimed) return
    this.idleSpares--
    if (session.expired) this.expiredSpares--
  }

  #close(session: Session): void {
    if (session.openIndex < 0) return
    const list = this.#openList(session)
    const last = list.pop()!
    if (last !== session) {
      list[session.openIndex] = last
      last.openIndex = session.openIndex
    }
    session.openIndex = -1
  }

  #openList(session: Session): Session[] {
    return session.tenant === undefined ? this.spares : this.tenant(session.tenant).open
  }

  #leaveTenant(session: Session): void {
    if (session.tenant === undefined) return
    const tenant = this.tenant(session.tenant)
    tenant.bound--
    if (session.unclaimed) tenant.unclaimed--
    if (session.key !== undefined) tenant.leaveKey(session.key, session)
    // The tenant is forgotten by the allocator, once it has looked after those who wait there.
  }

  #tell(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (this.#hook.isUsed()) this.#hook.call(session, from, to, session.endReason)
    this.#tellListeners(session, from, to)
  }

  #tellListeners(session: Session, from: SessionState | undefined, to: SessionState): void {
    // It is nobody else's business then.
    if (from === 'idle' && to === 'leased' && !session.hasRoom) return
    const ofLease = (from === 'idle' && to === 'leased') || (from === 'leased' && to === 'idle')
    const listeners = ofLease ? this.#leaseListeners : this.#listeners
    for (let i = 0; i < listeners.length; i++) listeners[i]!.changed(session, from, to)
  }
}
