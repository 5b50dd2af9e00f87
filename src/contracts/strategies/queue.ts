import type { AcquireRequest } from './balancer.ts'

/** A caller's place in a queue; made and understood by the queue that gave it. */
export type QueueTicket = object

/**
 * The order in which callers who wait for any session are served. The pool bounds its length, keeps the deadlines and
 * calls `remove` for those who gave up; a queue only orders. Every operation should be O(log n) or better.
 */
export interface Queue<W extends AcquireRequest = AcquireRequest> {
  readonly size: number
  /**
   * `former` is the ticket of somebody who was taken out a moment ago and comes back, as nothing could be found for them: they should get the
   * place that they had.
   */
  push(waiter: W, former?: QueueTicket): QueueTicket
  /** Takes out who is next; `undefined` when nobody waits. */
  next(): W | undefined
  /** Takes out who is next of one tenant. */
  nextOf(tenant: string): W | undefined
  /** Who `next` would take out. */
  peek(): W | undefined
  /** Takes out somebody who gave up. */
  remove(ticket: QueueTicket): void
}
