import { definePlugin, optionalDuration, z, type AcquireRequest, type Clock, type Queue } from 'greenroom/kit'
import { type Arrival, Arrivals } from './parts/arrivals.ts'
import { IndexedHeap, type Indexed } from './parts/indexed-heap.ts'

const options = z.strictObject({
  ageing: optionalDuration({ min: 1 }).default(10_000)
    .describe('A caller who has waited so long counts as one priority higher, so that nobody waits for ever; false: never. Default 10s.'),
})

declare module 'greenroom/kit' {
  interface QueueOptions {
    priority: z.input<typeof options>
  }
}

interface Ticket<W> extends Arrival {
  readonly waiter: W
  /** Its arrival. */
  readonly order: number
  /** The lowest is served first. */
  readonly rank: number
}

/** Those who wait of one tenant. */
interface Line<W> extends Indexed {
  readonly tickets: Arrivals<Ticket<W>>
}

/**
 * The higher priority first, then the earlier arrival, whoever's caller it is. Who waits rises by one priority in every `ageing`: of two callers
 * the one of the lower priority is first as soon as it has waited longer than the other by `ageing` for each priority between them. As all rise
 * alike, their order never changes while they wait, and is settled when they come. Who was taken out and is pushed again, as nothing could be
 * found for it, gets its old place back.
 *
 * Every operation is O(log n), n being the tenants who wait and those callers of one of them who are not served in the order they came;
 * `peek` is O(1).
 */
class Priority<W extends AcquireRequest> implements Queue<W> {
  readonly #clock: Clock
  readonly #ageing: number
  readonly #tenants = new Map<string, Line<W>>()
  readonly #lines = new IndexedHeap<Line<W>>((a, b) => isServedBefore(a.tickets.peek()!, b.tickets.peek()!))
  #size = 0
  #arrivals = 0

  constructor(clock: Clock, ageing: number) {
    this.#clock = clock
    this.#ageing = ageing
  }

  get size(): number {
    return this.#size
  }

  push(waiter: W, former?: object): Ticket<W> {
    const old = former as Ticket<W> | undefined
    const ticket: Ticket<W> = {
      waiter, order: old?.order ?? this.#arrivals++, rank: old?.rank ?? this.#rank(waiter),
      index: -1, previous: undefined, next: undefined, inLine: false,
    }
    const line = this.#tenants.get(waiter.tenant)
    if (line === undefined) this.#open(ticket)
    else {
      line.tickets.push(ticket)
      if (line.tickets.peek() === ticket) this.#lines.moved(line)
    }
    this.#size++
    return ticket
  }

  next(): W | undefined {
    return this.#takeFirst(this.#lines.peek())
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

  /** When it would have come, had it had priority 0: the earlier, the higher it is. */
  #rank({ priority }: W): number {
    return this.#ageing === Infinity ? -priority : this.#clock.now() - priority * this.#ageing
  }

  #open(ticket: Ticket<W>): void {
    const line: Line<W> = { tickets: new Arrivals(isServedBefore), index: -1 }
    line.tickets.push(ticket)
    this.#tenants.set(ticket.waiter.tenant, line)
    this.#lines.push(line)
  }

  #takeFirst(line: Line<W> | undefined): W | undefined {
    const ticket = line?.tickets.peek()
    if (!line || !ticket) return undefined
    this.#take(line, ticket)
    return ticket.waiter
  }

  #take(line: Line<W>, ticket: Ticket<W>): void {
    line.tickets.remove(ticket)
    this.#size--
    if (line.tickets.size > 0) return this.#lines.moved(line)
    this.#lines.remove(line)
    this.#tenants.delete(ticket.waiter.tenant)
  }
}

function isServedBefore<W>(a: Ticket<W>, b: Ticket<W>): boolean {
  return a.rank === b.rank ? a.order < b.order : a.rank < b.rank
}

export default definePlugin({
  name: 'priority',
  apply(kernel) {
    kernel.strategy('queue', 'priority', {
      description: 'The higher priority first, whichever tenant it is; who waits long rises.',
      options,
      create: ({ ageing }, { clock }) => new Priority(clock, ageing),
    })
  },
})
