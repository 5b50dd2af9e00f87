import type { Channel, Child, EndReason, GreenroomError, SessionState, SessionView, Usage } from '../contracts/index.ts'
import type { PooledLease } from './lease.ts'
import type { Turn } from './turn.ts'

/**
 * One session's record. Its state, tenant and key are changed by the roster only; the other fields by the house that is named.
 */
export class Session implements SessionView {
  readonly id: string
  readonly child: Child
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

  // launcher
  channel: Channel | undefined = undefined

  // allocator and lease
  generation = 0
  leaseCount = 0
  requestCount = 0
  readonly leases = new Set<PooledLease>()
  /** Turns that have not reached their terminal message, also those whose caller has given up. */
  readonly turns = new Set<Turn>()

  // watch
  usage: Usage | undefined = undefined
  /** Idle for longer than timeouts.idle. */
  expired = false
  /** Set when it must not be lent again: it is ended at its release. */
  retireAtRelease: EndReason | undefined = undefined

  constructor(id: string, child: Child, startedAt: number, concurrency: number, communal: boolean) {
    this.id = id
    this.child = child
    this.startedAt = startedAt
    this.lastUsedAt = startedAt
    this.concurrency = concurrency
    this.communal = communal
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  get outstanding(): number {
    return this.leases.size
  }

  /** True when one more lease may be given on it. Callers share it only when it is communal or when they ask for its key. */
  get hasRoom(): boolean {
    const slots = this.communal || this.key !== undefined ? this.concurrency : 1
    return this.leases.size < slots && this.retireAtRelease === undefined
  }

  /** Ends every lease and turn at once. The handles are dead before anything else happens (INV 4). */
  revokeAll(reason: GreenroomError): void {
    for (const lease of this.leases) lease.revoke(reason)
    this.leases.clear()
    this.turns.clear()
  }
}
