import { LinkedList } from '../contracts/index.ts'
import type { Session } from './session.ts'
import type { Waiter } from './waiting-line.ts'

/** What the pool knows of one key: its session, if it has one, and who waits for it. One key is one session. */
export interface KeyRecord {
  session: Session | undefined
  /** The one caller who waits for a session on behalf of this key; the others wait for what it gets. */
  claimant: Waiter | undefined
  readonly line: LinkedList<Waiter>
}

/** What the pool knows of one tenant. */
export class Tenant {
  readonly name: string
  readonly keys = new Map<string, KeyRecord>()
  /** Its keyless sessions with room: clean, so that any of its callers may have them. */
  readonly open: Session[] = []
  /** Live sessions bound to it, dying ones included. */
  bound = 0
  /** Of these, how many are starting, and how many have served nobody yet: only where sessions are bound at their spawn. */
  starting = 0
  unclaimed = 0
  /** Its callers in the queue, each of whom may lead to one more session. */
  queued = 0
  /** Of these, how many need a process that is started with the parked state of their key. */
  resuming = 0
  /** Its callers who may not queue yet, because the tenant holds as many sessions as it may. */
  readonly gated = new LinkedList<Waiter>()

  constructor(name: string) {
    this.name = name
  }

  /** Sessions it holds or will hold as soon as its queued callers are served: one that is starting is for one of them. */
  get claims(): number {
    return this.bound - this.starting + Math.max(this.starting, this.queued)
  }

  /** Queued callers for whom nothing is starting. */
  get unserved(): number {
    return Math.max(0, this.queued - this.starting)
  }

  get isEmpty(): boolean {
    return this.bound === 0 && this.queued === 0 && this.keys.size === 0 && this.gated.size === 0
  }

  keyed(key: string): KeyRecord {
    let record = this.keys.get(key)
    if (!record) this.keys.set(key, (record = { session: undefined, claimant: undefined, line: new LinkedList() }))
    return record
  }

  /** The session lets go of the key. Who waits for the key stays. */
  leaveKey(key: string, session: Session): void {
    const record = this.keys.get(key)
    if (record?.session !== session) return
    record.session = undefined
    this.forgetKeyIfEmpty(key, record)
  }

  forgetKeyIfEmpty(key: string, record: KeyRecord): void {
    if (!record.session && !record.claimant && record.line.size === 0) this.keys.delete(key)
  }
}
