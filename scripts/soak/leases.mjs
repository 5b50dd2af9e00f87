// Many leases on real processes, and what the process holds before and after them.
import { readdirSync, readlinkSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createPool, isGreenroomError } from 'greenroom'

/** @typedef {{ heapBytes: number, descriptors: number, timers: number, listeners: number }} Holdings */

const CALLERS = 40
/** Leases until all is compiled and every list is as long as it gets. */
const WARM_UP = 5_000
const LOOKS = 10
/** What a heap may differ by on its own; less than 20 bytes a lease of 100,000. */
const HEAP_SLACK = 1.5 * 2 ** 20

/**
 * @param {{ leases: number }} options
 * @returns {Promise<{ before: Holdings, after: Holdings }>}
 */
export async function measureLeaks({ leases }) {
  // `cat` answers each line with the same one.
  const pool = await createPool({
    driver: { use: 'json-lines', command: 'cat', terminal: { last: true }, reset: { send: { last: true }, guarantees: ['conversation', 'permissions', 'background', 'files', 'environment'] } },
    size: { min: 8, max: 8, perTenant: 4 }, queue: { max: CALLERS - 10 }, timeouts: { close: '1s' },
  })
  try {
    await pool.ready()
    await run(pool, WARM_UP)
    const before = await holdings()
    await run(pool, leases)
    return { before, after: await holdings() }
  } finally {
    await pool.close()
  }
}

/** What has grown. @param {Holdings} before @param {Holdings} after */
export function grown(before, after) {
  const names = /** @type {const} */ (['descriptors', 'timers', 'listeners'])
  return [...names.filter((name) => after[name] > before[name]), ...(after.heapBytes > before.heapBytes + HEAP_SLACK ? ['heapBytes'] : [])]
}

/** @param {import('greenroom').Pool} pool @param {number} leases */
async function run(pool, leases) {
  const signal = new AbortController().signal
  let next = 0
  await Promise.all(Array.from({ length: CALLERS }, async () => {
    for (let n = next++; n < leases; n = next++) {
      try {
        await once(pool, n, signal)
      } catch (error) {
        if (!isGreenroomError(error)) throw error
        // Refused: the others get on meanwhile.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }))
}

/** @param {import('greenroom').Pool} pool @param {number} n @param {AbortSignal} signal one that outlives all leases */
async function once(pool, n, signal) {
  const who = { tenant: `tenant-${n % 2}`, ...(n % 3 > 0 && { key: `key-${n % 5}` }), signal, timeout: 20_000 }
  if (n % 10 === 7) {
    const early = new AbortController()
    const asked = pool.acquire({ ...who, signal: early.signal })
    early.abort()
    return (await asked).release()
  }
  const lease = await pool.acquire(who)
  try {
    if (n % 4 === 0) for await (const message of lease.stream({ n, last: true })) void message
    else if (n % 4 === 1) await lease.request({ n, last: true }, { signal, timeout: 10_000 })
    else if (n % 4 === 2) void lease.signal
  } finally {
    lease.release()
  }
}

/** The least of several looks: at one moment somebody may just be measured or reset, with a deadline of its own; what has leaked is always there. */
async function holdings() {
  setFlagsFromString('--expose-gc')
  const collect = /** @type {() => void} */ (runInNewContext('gc'))
  /** @type {Holdings[]} */
  const looks = []
  for (let round = 0; round < LOOKS; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collect()
    looks.push(look())
  }
  /** @param {keyof Holdings} name */
  const least = (name) => Math.min(...looks.map((one) => one[name]))
  return { heapBytes: least('heapBytes'), descriptors: least('descriptors'), timers: least('timers'), listeners: least('listeners') }
}

/** @returns {Holdings} */
function look() {
  return {
    heapBytes: process.memoryUsage().heapUsed,
    // pidusage keeps those of processes that are gone for a while.
    descriptors: readdirSync('/proc/self/fd').filter((descriptor) => !target(descriptor).endsWith('/stat')).length,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  }
}

/** @param {string} descriptor */
function target(descriptor) {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    // The one by which the list was read.
    return '/stat'
  }
}
