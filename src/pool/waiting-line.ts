import { type AcquireRequest, GreenroomError, type LinkedNode, type QueueTicket, type RequestHandler } from '../contracts/index.ts'
import { onAbort } from '../kernel/abort-callbacks.ts'
import { disown } from '../kernel/disown.ts'
import type { Timed, TimeoutList } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { Roster } from './roster.ts'
import type { Tenant } from './tenant.ts'

/** How long a caller waits, its way to give up before, and what it brings with it. */
export interface Terms {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What the lease will answer the session's own requests with. */
  readonly handlers: Readonly<Record<string, RequestHandler>> | undefined
}

/** Whom a lease is for, who need not be one who waits for a promise. It hears of exactly one of the two, and throws nothing. */
export interface Taker {
  /** The session is its own from now on; it is promised where the program must be told something before. */
  granted(lease: PooledLease | Promise<PooledLease>): void
  refused(error: GreenroomError): void
}

/**
 * A caller who waits. It is settled exactly once; one that gave up never receives a session (INV 10). Its own time-out, and what settles its
 * promise: there may be very many, and without an object of its own for the promise one takes up a fifteenth less.
 */
export class Waiter implements AcquireRequest, Terms, Timed {
  since: number
  /** What it asked for, as the hooks know it. */
  readonly request: AcquireRequest
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly handlers: Terms['handlers']
  /** What it waits for, unless it has a taker. */
  readonly promise: Promise<PooledLease> | undefined
  readonly #taker: Taker | undefined
  #resolve: ((lease: PooledLease | Promise<PooledLease>) => void) | undefined = undefined
  #reject: ((error: GreenroomError) => void) | undefined = undefined
  /** Its tenant's books, since it was first given a place. They are not forgotten while it waits. */
  home!: Tenant
  /** Its place in the queue strategy. */
  ticket: QueueTicket | undefined = undefined
  /** The ticket it had when it was taken out of the queue. */
  formerTicket: QueueTicket | undefined = undefined
  /** Its place in the line for a key, or before a tenant's gate. */
  node: LinkedNode<Waiter> | undefined = undefined
  /** Who came before and after it, of all who wait. */
  earlier: Waiter | undefined = undefined
  later: Waiter | undefined = undefined
  forgetSignal: (() => void) | undefined = undefined
  waiting = true
  /** The state of its key is parked, and can be restored only in a process that is started with it. */
  resumes = false
  list: TimeoutList | undefined = undefined
  order = 0
  previous: Timed | undefined = undefined
  next: Timed | undefined = undefined
  readonly #line: WaitingLine

  constructor(line: WaitingLine, request: AcquireRequest, since: number, terms: Terms, taker: Taker | undefined) {
    this.#line = line
    this.since = since
    this.request = request
    this.timeoutMs = terms.timeoutMs
    this.signal = terms.signal
    this.handlers = terms.handlers
    this.#taker = taker
    this.promise = taker ? undefined : new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get tenant(): string {
    return this.request.tenant
  }

  get key(): string | undefined {
    return this.request.key
  }

  get priority(): number {
    return this.request.priority
  }

  granted(lease: PooledLease | Promise<PooledLease>): void {
    if (this.#taker) this.#taker.granted(lease)
    else this.#resolve!(lease)
  }

  refused(error: GreenroomError): void {
    if (this.#taker) this.#taker.refused(error)
    else this.#reject!(error)
  }

  expire(): void {
    this.#line.timedOut(this)
  }
}

/**
 * Who waits, and where: for a key's own session, before the gate of a tenant that holds as many sessions as it may, or in
 * the queue for any session. It bounds their number and keeps their deadlines; whom to serve is the allocator's business.
 */
export class WaitingLine {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #gaveUp: (waiter: Waiter, error: GreenroomError) => void
  /** By books of its own, not the queue's: whatever a queue forgets, everybody is told at the end. */
  #first: Waiter | undefined
  #last: Waiter | undefined
  #size = 0
  #queued = 0

  constructor(env: PoolEnvironment, roster: Roster, gaveUp: (waiter: Waiter, error: GreenroomError) => void) {
    this.#env = env
    this.#roster = roster
    this.#gaveUp = gaveUp
  }

  /** Everybody who waits. */
  get size(): number {
    return this.#size
  }

  /** In the order they came. Whoever goes through them must not have one leave meanwhile. */
  get waiters(): Iterable<Waiter> {
    return this.#inOrder()
  }

  /** Those whom any session (of their tenant) would serve. */
  get queued(): number {
    return this.#queued
  }

  get isFull(): boolean {
    return this.size >= this.#env.settings.queueMax
  }

  /** Begins to wait, in no particular place yet: deadline and signal count from here. */
  enter(request: AcquireRequest, since: number, terms: Terms, taker?: Taker): Waiter {
    const { timeoutMs, signal } = terms
    const waiter = new Waiter(this, request, since, terms, taker)
    this.#append(waiter)
    this.#env.timeouts.set(waiter, timeoutMs, since)
    if (signal) {
      waiter.forgetSignal = onAbort(signal, () => {
        this.#giveUp(waiter, new GreenroomError('ACQUIRE_ABORTED', 'the caller gave up while it waited for a session', { cause: signal.reason }))
      })
    }
    return waiter
  }

  /** Ends the waiting: out of every place, no timer and no listener left. */
  leave(waiter: Waiter): void {
    if (!waiter.waiting) return
    waiter.waiting = false
    this.#unlink(waiter)
    this.#env.timeouts.remove(waiter)
    waiter.forgetSignal?.()
    this.takeOut(waiter)
  }

  /** Puts it in the queue for any session. Throws what the queue throws. */
  queue(waiter: Waiter): void {
    const ticket: unknown = this.#env.queue.push(waiter, waiter.formerTicket)
    if (typeof ticket !== 'object' || ticket === null || 'then' in ticket) {
      disown(ticket)
      throw new Error('its push gave no ticket')
    }
    waiter.ticket = ticket
    waiter.formerTicket = undefined
    const { home } = waiter
    home.queued++
    if (waiter.resumes) home.resuming++
    this.#queued++
  }

  /** Takes it out of its place; it waits on. */
  takeOut(waiter: Waiter): void {
    waiter.node?.leave()
    waiter.node = undefined
    const { ticket } = waiter
    if (!ticket) return
    this.#left(waiter)
    try {
      disown(this.#env.queue.remove(ticket))
    } catch (problem) {
      this.#env.report(problem, "the queue's remove")
    }
  }

  /** Takes who is next out of the queue. */
  next(): Waiter | undefined {
    return this.#take(() => this.#env.queue.next(), 'next')
  }

  /** Takes who is next of one tenant out of the queue. */
  nextOf(tenant: string): Waiter | undefined {
    return this.#take(() => this.#env.queue.nextOf(tenant), 'nextOf', tenant)
  }

  /**
   * INV 8, INV 10: whatever a queue does, nobody is served who does not wait, or who belongs to another tenant; and somebody is, when somebody waits.
   * Behind those it failed to take out there may be others: it is asked again as long as it gets shorter.
   */
  #take(next: () => Waiter | undefined, name: string, tenant?: string): Waiter | undefined {
    const waiting = tenant === undefined ? this.#queued : (this.#roster.tenants.get(tenant)?.queued ?? 0)
    if (waiting === 0) return undefined
    for (let size = Infinity; this.#env.queue.size < size;) {
      size = this.#env.queue.size
      let waiter: Waiter | undefined
      try {
        waiter = next()
      } catch (problem) {
        this.#env.report(problem, `the queue's ${name}`)
        break
      }
      if (!waiter) {
        this.#env.report(new Error(`it gave nobody, and ${waiting} wait in it`), `the queue's ${name}`)
        break
      }
      const { ticket } = waiter
      const waits = ticket !== undefined
      if (waits) {
        this.#left(waiter)
        waiter.formerTicket = ticket
      } else disown(waiter)
      if (waits && (tenant === undefined || waiter.tenant === tenant)) return waiter
      const error = new GreenroomError('STRATEGY_FAILED', `the queue's ${name} gave ${waits ? 'a caller of another tenant' : 'somebody who does not wait in it'}`)
      this.#env.report(error, `the queue's ${name}`)
      if (waits) this.#giveUp(waiter, error)
    }
    return this.#earliest(tenant)
  }

  /** Who came first of those who wait in the queue: for a queue that fails. O(waiters). */
  #earliest(tenant: string | undefined): Waiter | undefined {
    for (const waiter of this.#inOrder()) {
      if (!waiter.ticket || (tenant !== undefined && waiter.tenant !== tenant)) continue
      this.takeOut(waiter)
      return waiter
    }
    return undefined
  }

  *#inOrder(): Iterable<Waiter> {
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.later) yield waiter
  }

  #append(waiter: Waiter): void {
    waiter.earlier = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.later = waiter
    this.#last = waiter
    this.#size++
  }

  #unlink(waiter: Waiter): void {
    const { earlier, later } = waiter
    if (earlier === undefined) this.#first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    waiter.earlier = waiter.later = undefined
    this.#size--
  }

  #left(waiter: Waiter): void {
    waiter.ticket = undefined
    const { home } = waiter
    home.queued--
    if (waiter.resumes) home.resuming--
    this.#queued--
  }

  /** Its time is out. */
  timedOut(waiter: Waiter): void {
    this.#giveUp(waiter, new GreenroomError('ACQUIRE_TIMEOUT', 'no session came free in time', { pool: this.#roster.facts(this.size) }))
  }

  #giveUp(waiter: Waiter, error: GreenroomError): void {
    this.leave(waiter)
    this.#gaveUp(waiter, error)
  }
}
