import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import priority from '../../../plugins/queues/priority.ts'
import type { AcquireRequest, Queue, QueueTicket } from '../../../src/contracts/index.ts'
import { scene, watched } from '../../pool/scene.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const AGEING = 1_000

async function make(options: object = { ageing: AGEING }): Promise<{ queue: Queue; clock: ManualClock }> {
  const { strategy, clock } = await makeStrategy('queue', 'priority', priority, options)
  return { queue: strategy, clock }
}

const from = (tenant: string, level = 0): AcquireRequest => ({ tenant, key: undefined, priority: level })

function drain(queue: Queue): AcquireRequest[] {
  const all: AcquireRequest[] = []
  for (let waiter = queue.next(); waiter; waiter = queue.next()) all.push(waiter)
  return all
}

interface Entry {
  readonly waiter: AcquireRequest
  readonly since: number
  ticket: QueueTicket
}

/** What the queue promises, in the plainest way there is: everybody's priority by now, reckoned anew at each look. */
class Model {
  readonly waiting: Entry[] = []
  readonly #ageing: number

  constructor(ageing: number) {
    this.#ageing = ageing
  }

  peek(now: number, tenant?: string): Entry | undefined {
    const byNow = ({ waiter, since }: Entry): number => waiter.priority + (now - since) / this.#ageing
    const mine = this.waiting.filter(({ waiter }) => tenant === undefined || waiter.tenant === tenant)
    return mine.reduce<Entry | undefined>((best, entry) => (best && byNow(best) >= byNow(entry) ? best : entry), undefined)
  }

  out(entry: Entry | undefined): AcquireRequest | undefined {
    if (entry) this.waiting.splice(this.waiting.indexOf(entry), 1)
    return entry?.waiter
  }
}

const tenant = fc.constantFrom('a', 'b', 'c')
const level = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 3 }))
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), tenant, level }) },
  // Powers of two, so that the model's sums are exact.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(64, 512, 1_024, 4_096) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nextOf' as const), tenant }) },
  // Any ticket that was ever given: also of those who were served, or gave up before.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
  // Those who are taken and put back, in whatever order, must leave everything as it was.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look through' as const), tenant, count: fc.integer({ min: 1, max: 4 }) }) },
)

describe('the queue priority', () => {
  it('serves the higher priority first, whichever tenant it is of, and equals in the order they came', async () => {
    const { queue } = await make()
    const [low, first, second, high, other] = [from('a', -1), from('a'), from('b'), from('b', 5), from('c', 5)]
    for (const waiter of [low, first, second, high, other]) queue.push(waiter)
    expect(queue.peek()).toBe(high)
    expect(drain(queue)).toEqual([high, other, first, second, low])
  })

  it('serves first whoever has waited longer by ageing for each priority between them', async () => {
    const { queue, clock } = await make()
    const patient = from('a', 0)
    queue.push(patient)
    clock.advance(3 * AGEING - 1)
    const sooner = from('a', 3)
    queue.push(sooner)
    clock.advance(2)
    const later = from('b', 3)
    queue.push(later)
    expect(drain(queue)).toEqual([sooner, patient, later])
  })

  it('serves everybody in the end, though callers of a higher priority keep coming', async () => {
    const { queue, clock } = await make()
    const patient = from('patient')
    queue.push(patient)
    let passedOver = 0
    for (; queue.peek() !== patient; passedOver++) {
      clock.advance(100)
      queue.push(from(`tenant-${passedOver % 3}`, 5))
      queue.next()
      expect(passedOver).toBeLessThan(60)
    }
  })

  it('lets nobody rise with ageing false', async () => {
    const { queue, clock } = await make({ ageing: false })
    const [low, first, second] = [from('a'), from('a', 1), from('b', 1)]
    queue.push(low)
    clock.advance(1e9)
    queue.push(first)
    clock.advance(1_000)
    queue.push(second)
    expect(drain(queue)).toEqual([first, second, low])
  })

  it('rises by one in ten seconds unless it is told otherwise', async () => {
    const { queue, clock } = await make({})
    const [low, high] = [from('a'), from('a', 1)]
    const ticket = queue.push(low)
    clock.advance(10_001)
    queue.push(high)
    expect(queue.peek()).toBe(low)
    queue.push(queue.next()!, ticket)
    clock.advance(1e6)
    expect(queue.peek()).toBe(low)
  })

  it.each([AGEING, false])('takes priorities without end (ageing %s)', async (ageing) => {
    const { queue } = await make({ ageing })
    const [never, middle, always, again] = [from('a', -Infinity), from('b'), from('a', Infinity), from('b', Infinity)]
    for (const waiter of [never, middle, always, again]) queue.push(waiter)
    expect(drain(queue)).toEqual([always, again, middle, never])
  })

  it('does what a plain list would do, whatever is asked in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const { queue, clock } = await make({ ageing: 1_024 })
      const model = new Model(1_024)
      const tickets: QueueTicket[] = []
      for (const action of steps) {
        switch (action.do) {
          case 'push': {
            const waiter = from(action.tenant, action.level)
            const ticket = queue.push(waiter)
            tickets.push(ticket)
            model.waiting.push({ waiter, ticket, since: clock.now() })
            break
          }
          case 'wait':
            clock.advance(action.ms)
            break
          case 'next':
            expect(queue.next()).toBe(model.out(model.peek(clock.now())))
            break
          case 'nextOf':
            expect(queue.nextOf(action.tenant)).toBe(model.out(model.peek(clock.now(), action.tenant)))
            break
          case 'look through': {
            const taken = Array.from({ length: action.count }, () => queue.nextOf(action.tenant)).filter((waiter) => waiter !== undefined)
            clock.advance(64)
            for (const waiter of taken.reverse()) {
              const entry = model.waiting.find((one) => one.waiter === waiter)!
              entry.ticket = queue.push(waiter, entry.ticket)
              tickets.push(entry.ticket)
            }
            break
          }
          case 'remove': {
            const ticket = tickets[action.which % Math.max(1, tickets.length)]
            if (ticket === undefined) break
            queue.remove(ticket)
            model.out(model.waiting.find((entry) => entry.ticket === ticket))
          }
        }
        expect(queue.size).toBe(model.waiting.length)
        expect(queue.peek()).toBe(model.peek(clock.now())?.waiter)
      }
      while (model.waiting.length > 0) expect(queue.next()).toBe(model.out(model.peek(clock.now())))
      expect([queue.next(), queue.nextOf('a'), queue.peek(), queue.size]).toEqual([undefined, undefined, undefined, 0])
    }), { numRuns: 300 })
  })

  it.each<[string, object, string]>([
    ['no time at all', { ageing: 0 }, 'Invalid input'],
    ['a word', { ageing: 'slowly' }, 'Invalid input'],
    ['an option it does not know', { aging: '1s' }, 'aging'],
  ])('refuses %s', async (_what, options, message) => {
    expect(await problemsWith('queue', 'priority', priority, options)).toEqual([expect.stringContaining(message)])
  })

  it('orders the callers of a pool, by a config', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 }, isolation: 'none', queue: { use: 'priority', ageing: '5s', max: 3 } })
    const holder = await acquired(pool.acquire(), clock)
    const patient = watched(pool.acquire({ tenant: 'patient' }))
    await clock.advance(6_000)
    const urgent = watched(pool.acquire({ priority: 2 }))
    const higher = watched(pool.acquire({ priority: 1 }))
    const refused = watched(pool.acquire({ priority: 9 }))
    await clock.settle()
    expect(refused.code).toBe('QUEUE_FULL')
    const served: string[] = []
    let last = holder
    for (let turn = 0; turn < 3; turn++) {
      last.release()
      await clock.advance(100)
      const [name, next] = Object.entries({ patient, urgent, higher }).find(([key, one]) => one.state === 'resolved' && !served.includes(key))!
      served.push(name)
      last = next.value!
    }
    last.release()
    expect(served).toEqual(['urgent', 'patient', 'higher'])
  })
})

async function acquired<T>(promise: Promise<T>, clock: { advance(ms: number): Promise<void> }): Promise<T> {
  const seen = watched(promise)
  await clock.advance(1_000)
  return seen.value!
}
