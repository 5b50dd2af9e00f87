import { definePlugin, z, type AcquireRequest, type Queue } from 'greenroom/kit'
import { type Arrival, Arrivals } from './parts/arrivals.ts'
import { IndexedHeap, type Indexed } from './parts/indexed-heap.ts'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface QueueOptions {
    fair: z.input<typeof options>
  }
}

interface Ticket<W> extends Arrival {
  readonly waiter: W
  /** Its arrival. */
  readonly order: number
  /** The turn its tenant had when it was taken out; `undefined` before. */
  turn: number | undefined
}

/** Those who wait of one tenant. Which line is next is decided by `turn`: the lowest. */
interface Line<W> extends Indexed {
  turn: number
  readonly tickets: Arrivals<Ticket<W>>
}

/**
 * The tenants who wait take turns, one caller each; a tenant that has just come, or comes back, is last in the round. So whoever comes first of a
 * tenant waits for at most one caller of every other, however many these have. Within a tenant the higher priority goes first,
 * then the earlier arrival. Who was taken out and is pushed again, as nothing could be found for it, gets its old place back.
 *
 * `nextOf` takes no turn: what is served by it, a session of the tenant's own, is of no use to the others.
 * Every operation is O(log n), n being the tenants who wait and those callers of one of them who are not served in the order they came;
 * `peek` is O(1).
 */
class Fair<W extends AcquireRequest> implements Queue<W> {
  readonly #tenants = new Map<string, Line<W>>()
  readonly #lines = new IndexedHeap<Line<W>>((a, b) => a.turn < b.turn)
  #size = 0
  #arrivals = 0
  #turns = 0

  get size(): number {
    return this.#size
  }

  push(waiter: W, former?: object): Ticket<W> {
    const old = former as Ticket<W> | undefined
    const ticket: Ticket<W> = {
      waiter, order: old?.order ?? this.#arrivals++, turn: old?.turn,
      index: -1, previous: undefined, next: undefined, inLine: false,
    }
    const line = this.#tenants.get(waiter.tenant)
    if (line === undefined) this.#open(ticket)
    else {
      line.tickets.push(ticket)
      if (ticket.turn !== undefined && ticket.turn < line.turn) this.#moveTo(line, ticket.turn)
    }
    this.#size++
    return ticket
  }

  next(): W | undefined {
    const line = this.#lines.peek()
    const waiter = this.#takeFirst(line)
    if (line && line.index >= 0) this.#moveTo(line, this.#turns++)
    return waiter
  }

  nextOf(tenant: string): W | undefined {
    return this.#takeFirst(this.#tenants.get(tenant))
  }

  peek(): W | undefined {
    return this.#lines.peek()?.tickets.peek()?.waiter
  }

  remove(ticket: object): void {
    const line = this.#tenants.get((ticket as Ticket<W>).waiter.tenant)
    if (line?.tickets.has(ticket as Ticket<W>)) this.#take(line, ticket as Ticket<W>)
  }

  #open(ticket: Ticket<W>): void {
    const line: Line<W> = { turn: Math.min(ticket.turn ?? Infinity, this.#turns++), tickets: new Arrivals(isServedBefore), index: -1 }
    line.tickets.push(ticket)
    this.#tenants.set(ticket.waiter.tenant, line)
    this.#lines.push(line)
  }

  #moveTo(line: Line<W>, turn: number): void {
    line.turn = turn
    this.#lines.moved(line)
  }

  #takeFirst(line: Line<W> | undefined): W | undefined {
    const ticket = line?.tickets.peek()
    if (!line || !ticket) return undefined
    ticket.turn = line.turn
    this.#take(line, ticket)
    return ticket.waiter
  }

  #take(line: Line<W>, ticket: Ticket<W>): void {
    line.tickets.remove(ticket)
    this.#size--
    if (line.tickets.size > 0) return
    this.#lines.remove(line)
    this.#tenants.delete(ticket.waiter.tenant)
  }
}

function isServedBefore<W extends AcquireRequest>(a: Ticket<W>, b: Ticket<W>): boolean {
  const mine = a.waiter.priority
  const other = b.waiter.priority
  return mine === other ? a.order < b.order : mine > other
}

export default definePlugin({
  name: 'fair',
  apply(kernel) {
    kernel.strategy('queue', 'fair', {
      description: 'Tenants take turns; within a tenant by priority, then first come, first served.',
      options,
      create: () => new Fair(),
    })
  },
})
