// What an operation of a queue costs while many callers wait: nanoseconds per operation, for each queue and number of waiters.
// It asserts nothing. Run it on the built package: npm run bench:waiting
import { cpus } from 'node:os'
import fair from 'greenroom/plugins/queues/fair'
import fifo from 'greenroom/plugins/queues/fifo'
import priority from 'greenroom/plugins/queues/priority'

/** @typedef {import('greenroom/kit').Queue} Queue */
/** @typedef {import('greenroom/kit').AcquireRequest} AcquireRequest */

const QUEUES = { fifo, fair, priority }
const WAITERS = [100, 10_000, 100_000]
const TENANTS = 100
/** Operations of one measurement at least; small queues are filled and emptied several times. */
const OPERATIONS = 400_000
const ROUNDS = 5

/** @returns {Queue} */
function make(/** @type {import('greenroom/kit').Plugin} */ plugin) {
  /** @type {Queue | undefined} */
  let queue
  const kernel = {
    strategy: (
      /** @type {string} */ _kind, /** @type {string} */ _name,
      /** @type {{ options: { parse(given: object): object }, create(options: object, context: object): Queue }} */ definition,
    ) => {
      queue = definition.create(definition.options.parse({}), { clock: performance })
    },
  }
  void plugin.apply(/** @type {import('greenroom/kit').Kernel} */ (/** @type {unknown} */ (kernel)))
  if (!queue) throw new Error(`${plugin.name} registers no queue when it is applied`)
  return queue
}

/** Many callers of many tenants, as they would come: mixed, and of three priorities. */
function callers(/** @type {number} */ count) {
  return Array.from({ length: count }, (_, n) => ({ tenant: `tenant-${(n * 7919) % TENANTS}`, key: undefined, priority: n % 3 }))
}

/**
 * Nanoseconds per operation, the median of some rounds: each fills the queue untimed, or timed where `operation` is the filling.
 * @param {() => Queue} create
 * @param {number} count
 * @param {(queue: Queue, tickets: object[], waiters: AcquireRequest[]) => void} operation `count` operations
 * @param {boolean} filled
 */
function measure(create, count, operation, filled) {
  /** @type {number[]} */
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    let spent = 0n
    let done = 0
    while (done < OPERATIONS) {
      const waiters = callers(count)
      const queue = create()
      const tickets = filled ? waiters.map((waiter) => queue.push(waiter)) : []
      const start = process.hrtime.bigint()
      operation(queue, tickets, waiters)
      spent += process.hrtime.bigint() - start
      done += count
    }
    rounds.push(Number(spent) / done)
  }
  return Math.round(rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? NaN)
}

/** From the middle outwards, so that neither end is met before the last. */
function fromTheMiddle(/** @type {object[]} */ tickets) {
  const middle = tickets.length >> 1
  return tickets.map((_, n) => tickets[middle + (n % 2 === 0 ? n / 2 : -(n + 1) / 2)] ?? tickets[0])
}

const rows = Object.entries(QUEUES).flatMap(([name, plugin]) => WAITERS.map((count) => {
  const create = () => make(plugin)
  return {
    queue: name,
    waiters: count,
    push: measure(create, count, (queue, _tickets, waiters) => {
      for (const waiter of waiters) queue.push(waiter)
    }, false),
    next: measure(create, count, (queue) => {
      for (let n = 0; n < count; n++) queue.next()
    }, true),
    remove: measure(create, count, (queue, tickets) => {
      for (const ticket of fromTheMiddle(tickets)) if (ticket) queue.remove(ticket)
    }, true),
    nextOf: measure(create, count, (queue, _tickets, waiters) => {
      for (const { tenant } of waiters) queue.nextOf(tenant)
    }, true),
  }
}))

console.log(`ns per operation, ${TENANTS} tenants, 3 priorities; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}\n`)
console.log('| queue | waiters | push | next | remove | nextOf |\n|---|---:|---:|---:|---:|---:|')
for (const { queue, waiters, push, next, remove, nextOf } of rows) {
  console.log(`| \`${queue}\` | ${waiters.toLocaleString('en')} | ${push} | ${next} | ${remove} | ${nextOf} |`)
}
