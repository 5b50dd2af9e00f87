import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { PoolConfig } from 'greenroom'
import { describe, expect, it } from 'vitest'
import fair from '../../../plugins/queues/fair.ts'
import type { AcquireRequest, Queue, QueueTicket } from '../../../src/contracts/index.ts'
import { openPool } from '../../support/real-pool.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

type DriverChoice = PoolConfig['driver']

const make = async (): Promise<Queue> => (await makeStrategy('queue', 'fair', fair)).strategy
const from = (tenant: string, priority = 0): AcquireRequest => ({ tenant, key: undefined, priority })

interface Entry {
  readonly waiter: AcquireRequest
  readonly order: number
  ticket: QueueTicket
}

/** What the queue promises, in the plainest way there is: a list of those who wait, and a list of the tenants in the order of their turns. */
class Model {
  readonly waiting: Entry[] = []
  readonly turns: string[] = []
  #order = 0

  push(waiter: AcquireRequest, ticket: QueueTicket): void {
    this.waiting.push({ waiter, ticket, order: this.#order++ })
    if (!this.turns.includes(waiter.tenant)) this.turns.push(waiter.tenant)
  }

  peek(tenant: string | undefined = this.turns[0]): Entry | undefined {
    return this.waiting
      .filter(({ waiter }) => waiter.tenant === tenant)
      .sort((a, b) => (a.waiter.priority === b.waiter.priority ? a.order - b.order : b.waiter.priority > a.waiter.priority ? 1 : -1))[0]
  }

  next(): AcquireRequest | undefined {
    const entry = this.peek()
    if (entry) this.turns.push(this.turns.shift()!)
    this.#out(entry)
    return entry?.waiter
  }

  nextOf(tenant: string): AcquireRequest | undefined {
    const entry = this.peek(tenant)
    this.#out(entry)
    return entry?.waiter
  }

  remove(ticket: QueueTicket): void {
    this.#out(this.waiting.find((entry) => entry.ticket === ticket))
  }

  #out(entry: Entry | undefined): void {
    if (!entry) return
    this.waiting.splice(this.waiting.indexOf(entry), 1)
    const { tenant } = entry.waiter
    if (!this.waiting.some(({ waiter }) => waiter.tenant === tenant)) this.turns.splice(this.turns.indexOf(tenant), 1)
  }
}

const tenant = fc.constantFrom('a', 'b', 'c', 'd')
const priority = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 2 }), fc.constantFrom(Infinity, -Infinity))
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), tenant, priority }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nextOf' as const), tenant }) },
  // Any ticket that was ever given: also of those who were served, or gave up before.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
  // Those who are taken and put back must leave everything as it was.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look through' as const), tenant, count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look through all' as const) }) },
)

function take(queue: Queue, times: number, one: () => AcquireRequest | undefined = () => queue.next()): AcquireRequest[] {
  return Array.from({ length: times }, one).filter((waiter) => waiter !== undefined)
}

describe('the queue fair', () => {
  it('serves the first caller of a tenant second, though another has ten thousand waiting', async () => {
    const queue = await make()
    const many = Array.from({ length: 10_000 }, () => from('a'))
    for (const waiter of many) queue.push(waiter)
    const first = from('b')
    queue.push(first)
    expect(take(queue, 3)).toEqual([many[0], first, many[1]])
  })

  it('gives every tenant that waits one turn a round', async () => {
    const queue = await make()
    for (const name of ['a', 'a', 'a', 'b', 'c', 'c']) queue.push(from(name))
    expect(take(queue, 6).map((waiter) => waiter.tenant)).toEqual(['a', 'b', 'c', 'a', 'c', 'a'])
  })

  it('lets nobody ahead for coming back often', async () => {
    const queue = await make()
    for (const name of ['a', 'b', 'c']) queue.push(from(name))
    const served: string[] = []
    for (let turn = 0; turn < 9; turn++) {
      const { tenant: name } = queue.next()!
      served.push(name)
      // It comes back at once, and twice where it can.
      queue.push(from(name))
      if (name === 'a') queue.push(from(name))
    }
    expect(served.join('')).toBe('abcabcabc')
  })

  it('serves a tenant by priority, and in the order of arrival among equals; priorities of one tenant are nothing to another', async () => {
    const queue = await make()
    const [low, first, second, high, other] = [from('a', -1), from('a'), from('a'), from('a', 5), from('b', -9)]
    for (const waiter of [low, first, second, high, other]) queue.push(waiter)
    expect(take(queue, 5)).toEqual([high, other, first, second, low])
  })

  it('takes no turn for those who are served by a session of their own tenant', async () => {
    const queue = await make()
    for (const name of ['a', 'b', 'a', 'a']) queue.push(from(name))
    expect(queue.nextOf('a')?.tenant).toBe('a')
    expect(take(queue, 3).map((waiter) => waiter.tenant)).toEqual(['a', 'b', 'a'])
  })

  it('gives those who are put back their old place, and their tenant its turn', async () => {
    const queue = await make()
    const [a1, b1, a2, b2] = [from('a'), from('b'), from('a'), from('b')]
    const tickets = new Map([a1, b1, a2, b2].map((waiter) => [waiter, queue.push(waiter)]))
    const all = take(queue, 4)
    for (const waiter of [...all].reverse()) tickets.set(waiter, queue.push(waiter, tickets.get(waiter)))
    expect(take(queue, 4)).toEqual([a1, b1, a2, b2])
    const alone = from('c')
    const ticket = queue.push(alone)
    queue.push(a1, tickets.get(a1))
    queue.push(queue.nextOf('c')!, ticket)
    expect(queue.peek()).toBe(a1)
    expect([queue.next(), queue.next()]).toEqual([a1, alone])
  })

  it('does what plain lists would do, whatever is asked in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const queue = await make()
      const model = new Model()
      const tickets: QueueTicket[] = []
      const push = (waiter: AcquireRequest): void => {
        const ticket = queue.push(waiter)
        tickets.push(ticket)
        model.push(waiter, ticket)
      }
      const putBack = (waiters: readonly AcquireRequest[]): void => {
        for (const waiter of waiters) {
          const entry = model.waiting.find((one) => one.waiter === waiter)!
          entry.ticket = queue.push(waiter, entry.ticket)
          tickets.push(entry.ticket)
        }
      }
      for (const action of steps) {
        switch (action.do) {
          case 'push':
            push(from(action.tenant, action.priority))
            break
          case 'next':
            expect(queue.next()).toBe(model.next())
            break
          case 'nextOf':
            expect(queue.nextOf(action.tenant)).toBe(model.nextOf(action.tenant))
            break
          case 'look through':
            putBack(take(queue, action.count, () => queue.nextOf(action.tenant)))
            break
          case 'look through all':
            putBack(take(queue, queue.size))
            break
          case 'remove': {
            const ticket = tickets[action.which % Math.max(1, tickets.length)]
            if (ticket === undefined) break
            queue.remove(ticket)
            model.remove(ticket)
          }
        }
        expect(queue.size).toBe(model.waiting.length)
        expect(queue.peek()).toBe(model.peek()?.waiter)
      }
      while (model.waiting.length > 0) expect(queue.next()).toBe(model.next())
      expect([queue.next(), queue.nextOf('a'), queue.peek(), queue.size]).toEqual([undefined, undefined, undefined, 0])
    }), { numRuns: 300 })
  })

  it('has no options of its own', async () => {
    expect(await problemsWith('queue', 'fair', fair, { weights: {} })).toEqual([expect.stringContaining('weights')])
  })
})

const DRIVERS: Record<string, DriverChoice> = {
  'node-repl': 'node-repl',
  'json-lines': { use: 'json-lines', command: process.execPath, args: [fileURLToPath(new URL('../../fixtures/lines.mjs', import.meta.url))] },
}

describe.each(Object.keys(DRIVERS))('a pool of one %s session', (name) => {
  it('serves another tenant second, though one has fifty waiting', async () => {
    const { pool } = await openPool({ driver: DRIVERS[name]!, size: { max: 1, spare: 0 }, timeouts: { acquire: false } })
    const served: string[] = []
    const wait = (tenantName: string): Promise<unknown> => pool.use({ tenant: tenantName }, (lease) => void served.push(lease.tenant))
    const many = Array.from({ length: 50 }, () => wait('a'))
    const others = Promise.allSettled(many)
    await wait('b')
    expect(served.filter((one) => one === 'a').length).toBeLessThanOrEqual(1)
    await many[1]
    await pool.close({ grace: 0 })
    expect((await others).filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(3)
  })
})
