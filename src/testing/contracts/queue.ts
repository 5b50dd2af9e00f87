import { type Queue, type Random, randomInt } from '../../contracts/index.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import { type Bench, type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { CheckedQueue, type Waiter } from './queue-model.ts'
import { call, rule, show } from './rules.ts'
import { ODD_NAMES, watched } from './sessions.ts'

const MANY = 10_000
/** One operation among so many looks at few of them: a tree or a heap does with some 30. */
const LOOKS = 200

/** What the queue's suite is about. */
export type QueueContract = StrategySource<'queue'> & {
  /**
   * False for a queue that does not serve equals (of one tenant and priority) in the order they came, on purpose, as one does that serves
   * the last first under load. Default true.
   */
  readonly inOrder?: boolean
}

/** The cases that every queue must pass. */
export function queueContract(contract: QueueContract): ContractCase[] {
  const { inOrder = true } = contract
  const { cases, add } = suiteOf('queue', contract, 'virtual')
  const newQueue = async (bench: Bench<'queue'>, ordered = inOrder): Promise<CheckedQueue> => new CheckedQueue(await makeQueue(bench), ordered)

  add('has nobody to give while nobody waits', async (bench) => {
    const queue = await newQueue(bench)
    const nobody = (): void => {
      queue.peek()
      queue.next()
      queue.nextOf('a')
    }
    nobody()
    queue.push(waiter('a'))
    queue.next()
    nobody()
  })

  add('loses nobody and serves nobody twice, whatever is done in whatever order', async (bench) => {
    for (let seed = 0; seed < 20; seed++) {
      // Who is put back may get the old place or a new one, so the order is another case's.
      const queue = await newQueue(bench, false)
      anything(queue, seededRandom(seed), true)
      queue.drain()
    }
  })

  add('serves nobody any more who gave up, and removing somebody twice takes out nobody else', async (bench) => {
    const queue = await newQueue(bench)
    const waiters = ['a', 'b', 'a', 'c', 'a'].map((tenant) => waiter(tenant))
    const tickets = waiters.map((one) => queue.push(one))
    queue.remove(waiters[2]!)
    queue.removeTicket(tickets[2]!)
    const first = queue.next()!
    queue.removeTicket(tickets[waiters.indexOf(first)]!)
    queue.drain()
    for (const ticket of tickets) queue.removeTicket(ticket)
    queue.push(waiter('a'))
    queue.drain()
  })

  // The pool does so when nothing could be found for whoever was next.
  add('takes back whom it has given out', async (bench) => {
    const queue = await newQueue(bench, false)
    for (const tenant of ['a', 'b', 'a']) queue.push(waiter(tenant))
    for (let round = 0; round < 10; round++) {
      const everybody = queue.drain()
      rule(everybody.length === 3, `After ${round} rounds of taking three out and putting them back, ${everybody.length} are left`)
      for (const one of everybody) queue.push(one)
      const again = queue.nextOf('a')!
      queue.push(again)
      queue.remove(again)
      queue.push(again)
    }
  })

  add('tells tenants apart whatever they are called', async (bench) => {
    const queue = await newQueue(bench)
    for (const tenant of ODD_NAMES) queue.nextOf(tenant)
    for (const tenant of [...ODD_NAMES, ...ODD_NAMES]) queue.push(waiter(tenant))
    for (const tenant of [...ODD_NAMES].reverse()) queue.nextOf(tenant)
    queue.drain()
  })

  if (inOrder) addOrderCases(add, newQueue)

  add(`looks at few of ${MANY.toLocaleString('en')} who wait`, async (bench) => {
    const queue = await makeQueue(bench)
    const everybody = Array.from({ length: MANY + 200 }, (_, n) => waiter(`tenant-${n % 100}`, n % 3))
    const { members, looks } = watched(everybody)
    const tickets = members.slice(0, MANY).map((one) => queue.push(one))
    const perCall = (name: string, count: number, work: (n: number) => void): void => {
      const before = looks()
      for (let n = 0; n < count; n++) call(`${name}()`, () => work(n))
      const each = Math.round((looks() - before) / count)
      rule(each <= LOOKS, `${name}() looked ${each} times at those who wait, who are ${MANY}: it must be O(log n) or better, or a long queue stalls the pool`)
    }
    perCall('push', 200, (n) => void queue.push(members[MANY + n]!))
    perCall('remove', 200, (n) => queue.remove(tickets[n * 40]!))
    perCall('peek', 200, () => void queue.peek())
    perCall('next', 200, () => void queue.next())
    perCall('nextOf', 200, (n) => void queue.nextOf(`tenant-${n % 100}`))
  })

  add('holds the callers of its own pool only', async (bench) => {
    const [mine, others] = [await newQueue(bench), await newQueue(bench)]
    for (let n = 0; n < 10; n++) others.push(waiter('a'))
    mine.push(waiter('a'))
    mine.drain()
    others.drain()
  })

  add('takes its chance and time from its context: the same again gives the same order', async (bench) => {
    const random = seededRandom(1)
    const everybody = Array.from({ length: 200 }, () => anyWaiter(random))
    const order = async (): Promise<number[]> => {
      const queue = await makeQueue(bench)
      for (const one of everybody) queue.push(one)
      return everybody.map(() => everybody.indexOf(queue.next()!))
    }
    const [first, second] = [await order(), await order()]
    rule(first.every((one, index) => one === second[index]), 'The same callers came out in another order the second time, on the same seed and at the same time: '
      + 'take chance from context.random and time from context.clock')
  })
  return cases
}

function addOrderCases(add: ReturnType<typeof suiteOf<'queue'>>['add'], newQueue: (bench: Bench<'queue'>) => Promise<CheckedQueue>): void {
  add('serves equals in the order they came', async (bench) => {
    for (let seed = 0; seed < 20; seed++) {
      const queue = await newQueue(bench)
      anything(queue, seededRandom(seed), false)
      queue.drain()
    }
  })

  add('serves everybody in the end, though others keep coming', async (bench) => {
    const queue = await newQueue(bench)
    for (let n = 0; n < 100; n++) queue.push(waiter(`tenant-${n % 5}`))
    const patient = waiter('patient')
    queue.push(patient)
    for (let n = 0; queue.waiting.includes(patient); n++) {
      rule(n < 2_000, `A caller was passed over 2,000 times by others of the same priority who came later: ${show(patient)}`)
      queue.push(waiter(`tenant-${n % 5}`))
      queue.next()
    }
  })
}

async function makeQueue(bench: Bench<'queue'>): Promise<Queue<Waiter>> {
  return bench.make()
}

/** Random operations. */
function anything(queue: CheckedQueue, random: Random, putBack: boolean): void {
  for (let step = 0; step < 300; step++) {
    const choice = randomInt(random, 10)
    if (choice < 5) queue.push(anyWaiter(random))
    else if (choice === 5) queue.nextOf(`tenant-${randomInt(random, 6)}`)
    else if (choice === 6) queue.peek()
    else if (choice === 7 && queue.waiting.length > 0) queue.remove(queue.waiting[randomInt(random, queue.waiting.length)]!)
    else if (choice === 8 && putBack) {
      const one = queue.next()
      if (one) queue.push(one)
    } else queue.next()
  }
}

function anyWaiter(random: Random): Waiter {
  return waiter(`tenant-${randomInt(random, 5)}`, [-1, 0, 0, 0, 5][randomInt(random, 5)])
}

function waiter(tenant: string, priority = 0): Waiter {
  return Object.freeze({ tenant, key: undefined, priority })
}
