import { type AcquireRequest, type Queue, type QueueTicket } from '../../contracts/index.ts'
import { call, rule, show } from './rules.ts'

/** Somebody who waits; told from others by being the same object. */
export type Waiter = AcquireRequest

/** A queue and what must be in it. Every operation is checked against that. */
export class CheckedQueue {
  readonly #queue: Queue<Waiter>
  readonly #waiting = new Map<Waiter, { readonly ticket: QueueTicket; readonly arrival: number }>()
  /** Of those who were taken out: whoever comes back brings it along, as in a pool. */
  readonly #former = new WeakMap<Waiter, QueueTicket>()
  readonly #inOrder: boolean
  #arrivals = 0

  /** @param inOrder Whether equals (of one tenant and priority) must come out in the order they came in. */
  constructor(queue: Queue<Waiter>, inOrder: boolean) {
    this.#queue = queue
    this.#inOrder = inOrder
    this.#checkSize('a new queue')
  }

  get waiting(): readonly Waiter[] {
    return [...this.#waiting.keys()]
  }

  push(waiter: Waiter): QueueTicket {
    const ticket = call('push()', () => this.#queue.push(waiter, this.#former.get(waiter))) as unknown
    rule(typeof ticket === 'object' && ticket !== null, () => `push() returned ${show(ticket)}: its ticket must be an object, by which remove() finds the place`)
    this.#waiting.set(waiter, { ticket, arrival: this.#arrivals++ })
    this.#checkSize('push()')
    return ticket
  }

  next(): Waiter | undefined {
    const peeked = this.peek()
    const waiter = call('next()', () => this.#queue.next())
    rule(waiter === peeked, () => `next() took out ${show(waiter)}, and peek() had said ${show(peeked)}`)
    // INV 12
    rule(waiter !== undefined || this.#waiting.size === 0, () => `next() gave nobody, while ${this.#waiting.size} wait`)
    return this.#takenOut('next()', waiter)
  }

  nextOf(tenant: string): Waiter | undefined {
    const waiter = call(`nextOf(${show(tenant)})`, () => this.#queue.nextOf(tenant))
    const mine = this.waiting.filter((one) => one.tenant === tenant).length
    rule(waiter === undefined || waiter.tenant === tenant, () => `nextOf(${show(tenant)}) gave somebody of ${show(waiter?.tenant)}`)
    rule(waiter !== undefined || mine === 0, () => `nextOf(${show(tenant)}) gave nobody, while ${mine} of that tenant wait`)
    return this.#takenOut('nextOf()', waiter)
  }

  peek(): Waiter | undefined {
    const waiter = call('peek()', () => this.#queue.peek())
    rule(waiter === undefined || this.#waiting.has(waiter), () => `peek() named ${show(waiter)}, who does not wait`)
    rule(waiter !== undefined || this.#waiting.size === 0, () => `peek() named nobody, while ${this.#waiting.size} wait`)
    this.#checkSize('peek()')
    return waiter
  }

  remove(waiter: Waiter): void {
    const { ticket } = this.#waiting.get(waiter)!
    this.#waiting.delete(waiter)
    this.removeTicket(ticket)
  }

  /** Of somebody who waits no more, too. */
  removeTicket(ticket: QueueTicket): void {
    call('remove()', () => this.#queue.remove(ticket))
    this.#checkSize('remove()')
  }

  /** Takes everybody out; they must be those who waited. */
  drain(): Waiter[] {
    const out: Waiter[] = []
    for (let waiter = this.next(); waiter; waiter = this.next()) out.push(waiter)
    return out
  }

  #takenOut(method: string, waiter: Waiter | undefined): Waiter | undefined {
    if (waiter !== undefined) {
      const place = this.#waiting.get(waiter)
      rule(place !== undefined, () => `${method} gave ${show(waiter)}, who does not wait (any more): whoever was taken out or removed must not come again`)
      if (this.#inOrder) this.#mustBeFirst(method, waiter, place.arrival)
      this.#waiting.delete(waiter)
      if (place) this.#former.set(waiter, place.ticket)
    }
    this.#checkSize(method)
    return waiter
  }

  #mustBeFirst(method: string, waiter: Waiter, arrival: number): void {
    for (const [other, place] of this.#waiting) {
      const isEqual = other.tenant === waiter.tenant && other.priority === waiter.priority
      rule(!isEqual || place.arrival >= arrival, () => `${method} gave ${show(waiter)} before ${show(other)}, who came earlier and is of the same tenant and priority: `
        + 'serve equals in the order they came, or say that it does not on purpose ({ inOrder: false })')
    }
  }

  #checkSize(after: string): void {
    const { size } = this.#queue
    rule(size === this.#waiting.size, () => `size is ${show(size)} after ${after}, while ${this.#waiting.size} wait: it must be exact, the pool's bound and scaler go by it`)
  }
}
