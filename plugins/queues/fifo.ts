import { definePlugin, LinkedList, z, type AcquireRequest, type LinkedNode, type Queue } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface QueueOptions {
    fifo: z.input<typeof options>
  }
}

interface Ticket<W> {
  readonly waiter: W
  inAll: LinkedNode<Ticket<W>> | undefined
  inTenant: LinkedNode<Ticket<W>> | undefined
}

/** First come, first served. A list of all and a list for each tenant; every operation is O(1). */
class Fifo<W extends AcquireRequest> implements Queue<W> {
  readonly #all = new LinkedList<Ticket<W>>()
  readonly #tenants = new Map<string, LinkedList<Ticket<W>>>()

  get size(): number {
    return this.#all.size
  }

  push(waiter: W): Ticket<W> {
    let own = this.#tenants.get(waiter.tenant)
    if (!own) this.#tenants.set(waiter.tenant, (own = new LinkedList()))
    const ticket: Ticket<W> = { waiter, inAll: undefined, inTenant: undefined }
    ticket.inAll = this.#all.push(ticket)
    ticket.inTenant = own.push(ticket)
    return ticket
  }

  next(): W | undefined {
    return this.#take(this.#all.peek())
  }

  nextOf(tenant: string): W | undefined {
    return this.#take(this.#tenants.get(tenant)?.peek())
  }

  peek(): W | undefined {
    return this.#all.peek()?.waiter
  }

  remove(ticket: object): void {
    this.#take(ticket as Ticket<W>)
  }

  #take(ticket: Ticket<W> | undefined): W | undefined {
    if (!ticket) return undefined
    ticket.inAll?.leave()
    ticket.inTenant?.leave()
    if (this.#tenants.get(ticket.waiter.tenant)?.size === 0) this.#tenants.delete(ticket.waiter.tenant)
    return ticket.waiter
  }
}

export default definePlugin({
  name: 'fifo',
  apply(kernel) {
    kernel.strategy('queue', 'fifo', {
      description: 'First come, first served.',
      options,
      create: () => new Fifo(),
    })
  },
})
