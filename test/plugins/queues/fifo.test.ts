import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import fifo from '../../../plugins/queues/fifo.ts'
import type { AcquireRequest, Queue, QueueTicket } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const make = async (): Promise<Queue> => (await makeStrategy('queue', 'fifo', fifo)).strategy
const from = (tenant: string, priority = 0): AcquireRequest => ({ tenant, key: undefined, priority })

/** What the queue promises, in the plainest way there is. */
class Model {
  readonly waiting: { waiter: AcquireRequest; ticket: QueueTicket }[] = []

  take(tenant?: string): AcquireRequest | undefined {
    const index = this.waiting.findIndex(({ waiter }) => tenant === undefined || waiter.tenant === tenant)
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0]!.waiter
  }

  remove(ticket: QueueTicket): void {
    const index = this.waiting.findIndex((entry) => entry.ticket === ticket)
    if (index >= 0) this.waiting.splice(index, 1)
  }
}

const tenant = fc.constantFrom('a', 'b', 'c')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), tenant, priority: fc.integer() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nextOf' as const), tenant }) },
  // Any ticket that was ever given: also of those who were served, or gave up before.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
)

describe('the queue fifo', () => {
  it('serves in the order of arrival, whoever it is', async () => {
    const queue = await make()
    const all = [from('a'), from('b', 9), from('a'), from('c')]
    for (const waiter of all) queue.push(waiter)
    expect(queue.peek()).toBe(all[0])
    expect([queue.next(), queue.next(), queue.next(), queue.next(), queue.next()]).toEqual([...all, undefined])
    expect(queue.size).toBe(0)
  })

  it('does what a plain list would do, whatever is asked in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const queue = await make()
      const model = new Model()
      const tickets: QueueTicket[] = []
      for (const action of steps) {
        switch (action.do) {
          case 'push': {
            const waiter = from(action.tenant, action.priority)
            const ticket = queue.push(waiter)
            tickets.push(ticket)
            model.waiting.push({ waiter, ticket })
            break
          }
          case 'next':
            expect(queue.next()).toBe(model.take())
            break
          case 'nextOf':
            expect(queue.nextOf(action.tenant)).toBe(model.take(action.tenant))
            break
          case 'remove': {
            const ticket = tickets[action.which % Math.max(1, tickets.length)]
            if (ticket === undefined) break
            queue.remove(ticket)
            model.remove(ticket)
          }
        }
        expect(queue.size).toBe(model.waiting.length)
        expect(queue.peek()).toBe(model.waiting[0]?.waiter)
      }
      while (model.waiting.length > 0) expect(queue.next()).toBe(model.take())
      expect([queue.next(), queue.nextOf('a'), queue.peek(), queue.size]).toEqual([undefined, undefined, undefined, 0])
    }), { numRuns: 300 })
  })

  it('has no options of its own', async () => {
    expect(await problemsWith('queue', 'fifo', fifo, { max: 1 })).toEqual([expect.stringContaining('max')])
  })
})
