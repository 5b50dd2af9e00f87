import { type AcquireRequest, GreenroomError, messageOf, type Queue, type Served, type SessionState } from '../contracts/index.ts'
import type { Births } from './births.ts'
import type { Demand } from './demand.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Finder, Found } from './finder.ts'
import type { Granter } from './granter.ts'
import type { PooledLease } from './lease.ts'
import type { Prospects } from './prospects.ts'
import type { RoomMaker } from './room-maker.ts'
import type { Roster, RosterListener } from './roster.ts'
import type { Session } from './session.ts'
import type { Settler } from './settler.ts'
import type { StartGate } from './start-gate.ts'
import type { KeyRecord, Tenant } from './tenant.ts'
import { type Taker, type Terms, type Waiter, WaitingLine } from './waiting-line.ts'

/**
 * Who gets which session. A caller is served from, in this order: the session of its key, a clean session of its tenant, a
 * spare; else it waits, demand is told, and every session that becomes free, and every process that is gone, looks at those
 * who wait (INV 13).
 */
export class Allocator implements RosterListener {
  readonly line: WaitingLine
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #finder: Finder
  readonly #granter: Granter
  readonly #roomMaker: RoomMaker
  readonly #prospects: Prospects
  readonly #gate: StartGate
  readonly #births: Births
  readonly #demand: Demand
  readonly #communal: boolean
  #listener: (() => void) | undefined

  constructor(deps: {
    env: PoolEnvironment
    roster: Roster
    finder: Finder
    granter: Granter
    roomMaker: RoomMaker
    settler: Settler
    prospects: Prospects
    gate: StartGate
    births: Births
    demand: Demand
  }) {
    const { env, roster } = deps
    this.#env = env
    this.#roster = roster
    this.#finder = deps.finder
    this.#granter = deps.granter
    this.#roomMaker = deps.roomMaker
    this.#prospects = deps.prospects
    this.#gate = deps.gate
    this.#births = deps.births
    this.#demand = deps.demand
    this.#communal = env.settings.isolation === 'none'
    this.line = new WaitingLine(env, roster, (waiter, error) => this.#gaveUp(waiter, error))
    deps.settler.setHeir((session) => this.#passOn(session))
  }

  /** Has `listener` called whenever somebody has stopped waiting without a session. */
  listen(listener: () => void): void {
    this.#listener = listener
  }

  /** A lease for the request, now or later. */
  acquire(request: AcquireRequest, terms: Terms): Promise<PooledLease> {
    const now = this.#env.clock.now()
    const found = this.#find(request)
    if (found) return Promise.resolve(this.#granter.grant(found.session, found.served, request, now, now, terms))
    const refusal = this.#refusal(request)
    if (refusal) return Promise.reject(this.refuse(request, refusal))
    return this.#wait(request, now, terms).promise!
  }

  /** The same for a taker. */
  serve(request: AcquireRequest, terms: Terms, taker: Taker): void {
    const now = this.#env.clock.now()
    const found = this.#find(request)
    if (found) return taker.granted(this.#granter.grant(found.session, found.served, request, now, now, terms))
    const refusal = this.#refusal(request)
    if (refusal) taker.refused(this.refuse(request, refusal))
    else void this.#wait(request, now, terms, taker)
  }

  /** Notes that an acquire was turned down. */
  refuse(request: AcquireRequest, error: GreenroomError): GreenroomError {
    const { decisions, hooks, statistics } = this.#env
    statistics.refusals++
    decisions.record('refuse', error.code, { tenant: request.tenant, key: request.key })
    if (hooks.refused.isUsed()) hooks.refused.call(request, error)
    return error
  }

  /** Turns away everybody who waits, or those of whom `which` is true. */
  rejectWaiters(error: GreenroomError, which: (waiter: Waiter) => boolean = () => true): void {
    const turnedAway = [...this.line.waiters].filter(which)
    // All leave before anything is handed on, so that nobody of them is served in passing.
    for (const waiter of turnedAway) this.line.leave(waiter)
    for (const waiter of turnedAway) this.#turnAway(waiter, error)
  }

  /** The breaker has opened: nobody is left waiting for a start that does not come. */
  breakerOpened(error: GreenroomError): void {
    this.rejectWaiters(error, (waiter) => !this.#prospects.canBeServedWithoutStart(waiter))
  }

  /** Has another queue keep those who wait in one, in the order they came. */
  requeue(queue: Queue<Waiter>): void {
    const queued = [...this.line.waiters].filter(({ ticket }) => ticket !== undefined)
    for (const waiter of queued) this.line.takeOut(waiter)
    this.#env.queue = queue
    for (const waiter of queued) {
      // Another queue's ticket says nothing here.
      waiter.formerTicket = undefined
      this.#queue(waiter)
    }
  }

  /** Tenants may have more, or less, than before. */
  openGates(): void {
    for (const tenant of [...this.#roster.tenants.values()]) this.#openGate(tenant)
  }

  changed(session: Session, _from: SessionState | undefined, to: SessionState): void {
    if (to === 'idle' || to === 'leased') this.#serve(session)
    else if (to === 'gone') this.#left(session)
  }

  #find(request: AcquireRequest): Found | undefined {
    if (this.#env.bindsAtSpawn) this.#births.called(request.tenant)
    return this.#finder.find(request)
  }

  #wait(request: AcquireRequest, since: number, terms: Terms, taker?: Taker): Waiter {
    const waiter = this.line.enter(request, since, terms, taker)
    this.#place(waiter)
    if (waiter.ticket) this.#demand.waits()
    return waiter
  }

  /** Why nobody may wait now; `undefined` when they may. */
  #refusal(request: AcquireRequest): GreenroomError | undefined {
    if (this.line.isFull) {
      const advice = 'try again later, or raise size.max or queue.max'
      return new GreenroomError('QUEUE_FULL', `${this.line.size} callers wait already (queue.max): ${advice}`, { pool: this.#roster.facts(this.line.size) })
    }
    if (this.#gate.state === 'open' && !this.#prospects.canBeServedWithoutStart(request)) return this.#gate.breakerError()
    return undefined
  }

  /** Puts a caller who must wait where it will be served: behind its key's session, before its tenant's gate, or in the queue. */
  #place(waiter: Waiter): void {
    const tenant = (waiter.home = this.#roster.tenant(waiter.tenant))
    if (waiter.key !== undefined) {
      const record = tenant.keyed(waiter.key)
      if (record.session || record.claimant) {
        waiter.node = record.line.push(waiter)
        return
      }
      record.claimant = waiter
    }
    if (tenant.claims < this.#env.settings.size.perTenant) return this.#queue(waiter)
    waiter.node = tenant.gated.push(waiter)
    this.#roomMaker.makeRoomWithin(tenant)
  }

  /** INV 8: a queue that fails keeps nobody waiting for ever. */
  #queue(waiter: Waiter): void {
    waiter.resumes = this.#finder.needsStart(waiter)
    try {
      this.line.queue(waiter)
    } catch (problem) {
      this.line.leave(waiter)
      this.#turnAway(waiter, new GreenroomError('STRATEGY_FAILED', `the queue failed: ${messageOf(problem)}`, { cause: problem }))
    }
  }

  /** Serves somebody who waited, or lets them wait on in a new place. Its key, if it has one, has no session. */
  #serveOrPlace(waiter: Waiter, tenant: Tenant): void {
    const record = waiter.key === undefined ? undefined : tenant.keys.get(waiter.key)
    if (record) this.#unclaim(waiter, record)
    const found = this.#tryFind(waiter)
    if (found) this.#hand(found.session, found.served, waiter)
    else {
      this.#place(waiter)
      if (waiter.ticket) this.#demand.waits()
    }
  }

  #tryFind(waiter: Waiter): Found | undefined {
    try {
      return this.#finder.findUnkeyed(waiter)
    } catch (problem) {
      this.#env.report(problem, 'choosing a session for a caller who waited')
      return undefined
    }
  }

  #unclaim(waiter: Waiter, record: KeyRecord): void {
    if (record.claimant === waiter) record.claimant = undefined
  }

  /** Gives a session to somebody who waited. */
  #hand(session: Session, served: Served, waiter: Waiter, now: number = this.#env.clock.now()): void {
    this.line.leave(waiter)
    const tenant = waiter.home
    if (waiter.key !== undefined) this.#unclaim(waiter, tenant.keyed(waiter.key))
    const startedMeanwhile = session.leaseCount === 0 && session.readyAt! >= waiter.since
    let lease: PooledLease | Promise<PooledLease> | undefined
    try {
      lease = this.#granter.grant(session, startedMeanwhile ? 'started' : served, waiter.request, now, waiter.since, waiter)
    } catch (problem) {
      waiter.refused(new GreenroomError('STRATEGY_FAILED', 'the session could not be handed out', { cause: problem }))
      this.#env.report(problem, `handing out session ${session.id}`)
    }
    // It may have been served without taking up one more of its tenant's places.
    this.#openGate(tenant)
    this.#roster.forgetIfEmpty(tenant)
    // Last: whoever takes it may send its message at once.
    if (lease) waiter.granted(lease)
  }

  /** A session has room: whoever may use it and has waited longest gets it. */
  #serve(session: Session): void {
    while ((session.state === 'idle' || session.state === 'leased') && session.hasRoom) {
      const next = this.#nextFor(session)
      if (!next) break
      this.#hand(session, servedTo(next, session), next)
    }
    // It is of no use to those who wait: they may need its room.
    if (session.state === 'idle' && session.tenant !== undefined) {
      if (this.line.queued > 0) this.#demand.poke('waiter')
      const tenant = this.#roster.tenants.get(session.tenant)
      if (tenant && tenant.gated.size > 0) this.#roomMaker.makeRoomWithin(tenant)
    }
  }

  /** Gives a session that a caller has let go of just now to whoever waits for it. With callers who wait this saves a third of a turn. */
  #passOn(session: Session): boolean {
    // Whoever heard that it is idle may have ended it.
    const next = session.state === 'idle' && this.line.size > 0 ? this.#nextFor(session) : undefined
    if (next) this.#hand(session, servedTo(next, session), next, session.lastUsedAt)
    return session.state !== 'idle'
  }

  #nextFor(session: Session): Waiter | undefined {
    const tenant = session.tenant === undefined ? undefined : this.#roster.tenants.get(session.tenant)
    if (session.key !== undefined) {
      const waiter = tenant?.keys.get(session.key)?.line.peek()
      if (waiter) return waiter
      if (!this.#communal || session.state !== 'idle') return undefined
    }
    if (tenant && !this.#communal) {
      if (session.state !== 'idle') return undefined
      return this.#nextOf(tenant, session)
    }
    return this.line.next()
  }

  /** The next of a tenant whom a session of its own can serve. */
  #nextOf(tenant: Tenant, session: Session): Waiter | undefined {
    const passedOver: Waiter[] = []
    let waiter = this.line.nextOf(tenant.name)
    while (waiter && this.#finder.needsFresh(waiter, session)) {
      passedOver.push(waiter)
      waiter = this.line.nextOf(tenant.name)
    }
    for (const one of passedOver) this.#queue(one)
    return waiter ?? [...tenant.gated].find((one) => !this.#finder.needsFresh(one, session))
  }

  /** A process is gone: its key may be claimed anew, its tenant may have one more, and there is room for a start. */
  #left(session: Session): void {
    if (session.tenant === undefined) return
    const tenant = this.#roster.tenant(session.tenant)
    const record = session.key === undefined ? undefined : tenant.keys.get(session.key)
    if (record) this.#promote(tenant, session.key!, record)
    this.#openGate(tenant)
    this.#roster.forgetIfEmpty(tenant)
  }

  /** Nobody stands for this key any more: the next in its line does. */
  #promote(tenant: Tenant, key: string, record: KeyRecord): void {
    if (record.session || record.claimant) return
    const next = record.line.shift()
    if (!next) return tenant.forgetKeyIfEmpty(key, record)
    next.node = undefined
    record.claimant = next
    this.#serveOrPlace(next, tenant)
  }

  #openGate(tenant: Tenant): void {
    while (tenant.gated.size > 0 && tenant.claims < this.#env.settings.size.perTenant) {
      const waiter = tenant.gated.shift()!
      waiter.node = undefined
      this.#serveOrPlace(waiter, tenant)
    }
  }

  #gaveUp(waiter: Waiter, error: GreenroomError): void {
    const cause = this.#gate.lastError
    if (error.code !== 'ACQUIRE_TIMEOUT' || cause === undefined) return this.#turnAway(waiter, error)
    const message = `${error.message}; the last start failed: ${messageOf(cause)}`
    this.#turnAway(waiter, new GreenroomError(error.code, message, { cause, ...(error.pool && { pool: error.pool }) }))
  }

  /** It waits no more: whatever it stood for is handed on. */
  #turnAway(waiter: Waiter, error: GreenroomError): void {
    waiter.refused(this.refuse(waiter.request, error))
    const tenant = this.#roster.tenant(waiter.tenant)
    const record = waiter.key === undefined ? undefined : tenant.keys.get(waiter.key)
    if (record) {
      this.#unclaim(waiter, record)
      this.#promote(tenant, waiter.key!, record)
    }
    this.#openGate(tenant)
    this.#roster.forgetIfEmpty(tenant)
    this.#listener?.()
  }
}

/** How one who waited is served from a session that has come free for it. */
function servedTo(waiter: Waiter, session: Session): Served {
  if (session.key !== undefined && session.key === waiter.key && session.tenant === waiter.tenant) return 'same-key'
  return session.leaseCount > 0 ? 'same-tenant' : 'spare'
}
