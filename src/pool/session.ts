import type { Channel, Child, EndReason, GreenroomError, KeyPast, SessionState, SessionView, Usage } from '../contracts/index.ts'
import { DenseSet } from './dense-set.ts'
import type { PooledLease } from './lease.ts'
import type { Turn } from './turn.ts'

/**
 * One session's record. Its state, tenant and key are changed by the roster only; the other fields by the house that is named.
 */
export class Session implements SessionView {
  readonly id: string
  readonly startedAt: number
  /** Requests it can work on at a time. */
  readonly concurrency: number
  /** Isolation 'none': it holds nothing of its user, so that any callers may share it. */
  readonly communal: boolean

  // roster
  state: SessionState = 'starting'
  tenant: string | undefined = undefined
  key: string | undefined = undefined
  readyAt: number | undefined = undefined
  lastUsedAt: number
  endReason: EndReason | undefined = undefined
  /** Its place in the roster's list of sessions open to anybody (of its tenant); -1 when it is in none. */
  openIndex = -1
  /** It has been nobody's so far: a spare, also one that was started for a certain tenant. With isolation 'none': it has no key. */
  unclaimed = true
  /** It settles only to leave: its state is put into the store. */
  parking = false

  // opener and relauncher
  child: Child
  /** Its process is being replaced by another, or is not started before it is known whose it will be: that is the relauncher's business. */
  relaunching = false
  channel: Channel | undefined = undefined
  /** Series of failures before its start: failures of processes that started in the same series are one. */
  readonly failuresBefore: number

  // allocator and lease
  generation = 0
  leaseCount = 0
  /** `Clock.now()` of its first lease. */
  servesSince: number | undefined = undefined
  past: KeyPast | undefined = undefined
  requestCount = 0
  readonly #leases = new DenseSet<PooledLease>()
  readonly #turns = new DenseSet<Turn>()
  /** Leases none of whose requests is under way. */
  #resting = 0
  /** Requests of its own that its lease has not answered yet. */
  questions = 0
  /** Its first lease is being prepared: nobody else may have it before that is done. */
  preparing = false

  // watch
  usage: Usage | undefined = undefined
  /** Idle for longer than timeouts.idle. */
  expired = false
  /** Set when it must not be lent again: it is ended at its release. */
  retireAtRelease: EndReason | undefined = undefined
  readonly #ending = new AbortController()

  constructor(id: string, child: Child, startedAt: number, concurrency: number, communal: boolean, failuresBefore: number) {
    this.id = id
    this.child = child
    this.failuresBefore = failuresBefore
    this.startedAt = startedAt
    this.lastUsedAt = startedAt
    this.concurrency = concurrency
    this.communal = communal
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  get outstanding(): number {
    return this.#leases.size
  }

  get leases(): readonly PooledLease[] {
    return this.#leases.all()
  }

  /** How many have not reached their terminal message, also of those whose caller has given up. */
  get turnCount(): number {
    return this.#turns.size
  }

  get turns(): readonly Turn[] {
    return this.#turns.all()
  }

  /** Aborted when it is being ended: what is asked of its program then is of no use any more. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Requests under way, and leases that may make one at any time. A request whose lease is over still takes up its place (INV 1). */
  get load(): number {
    return this.#turns.size + this.#resting
  }

  /** True when nothing is to be heard of it and all is well: it waits for its caller, or said that it works in silence. */
  get isQuiet(): boolean {
    if (this.questions > 0) return true
    return this.turns.some(({ isQuiet }) => isQuiet)
  }

  /** True when one more lease may be given on it. Callers share it only when it is communal or when they ask for its key. */
  get hasRoom(): boolean {
    const slots = this.communal || this.key !== undefined ? this.concurrency : 1
    const free = slots > 1 ? this.load < slots : this.#leases.size + this.#turns.size === 0
    return free && this.retireAtRelease === undefined && !this.preparing
  }

  /** A lease on it begins. */
  lend(lease: PooledLease): void {
    this.#leases.add(lease)
    this.#resting++
  }

  /** A lease on it is over; its turns may still be under way. */
  returned(lease: PooledLease): void {
    if (this.#leases.delete(lease) && lease.turnCount === 0) this.#resting--
  }

  /** A turn of one of its leases begins. */
  begun(turn: Turn): void {
    this.requestCount++
    this.#turns.add(turn)
    if (turn.owner.turnCount++ === 0) this.#resting--
  }

  /** A turn's terminal message has come. */
  settled(turn: Turn): void {
    this.#turns.delete(turn)
    if (--turn.owner.turnCount === 0 && this.#leases.has(turn.owner)) this.#resting++
  }

  /** Ends every lease and turn at once. The handles are dead before anything else happens (INV 4). */
  revokeAll(reason: GreenroomError): void {
    for (const lease of this.leases) lease.revoke(reason)
    this.#leases.clear()
    this.#turns.clear()
    this.#resting = 0
    this.#ending.abort(reason)
  }
}
