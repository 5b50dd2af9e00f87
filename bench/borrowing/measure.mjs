// One contestant of the borrowing scenario, in a process of its own: `node --expose-gc measure.mjs CONTESTANT [PATTERN] [wall|cpu] [MS]`.
// Prints figures as JSON. By `cpu`, rates are per second of the process's own CPU time: what else runs on the machine then matters less.
import { ok } from 'node:assert/strict'
import { quantile } from '../lib/statistics.mjs'
import { BORROWERS, CROWDS, SIZE } from './patterns.mjs'

const WAITERS = 10_000
const LARGEST_WARM_UP = 20_000

const [name = '', only, by = 'wall', least = '1000'] = process.argv.slice(2)
/** A measurement lasts so long at least. */
const LEAST_MS = Number(least)
/** @type {typeof import('../peers/borrowing/pool.d.mts')} */
const { open } = await import(`../peers/borrowing/${name}.mjs`)
const pool = await open({ size: SIZE })
/** @type {Record<string, number>} */
const figures = {}
const wanted = (/** @type {string} */ pattern) => only === undefined || only === 'all' || only === pattern

await check()
if (wanted('alone')) {
  figures['alone'] = await rate(20_000, pool.native?.alone ?? alone)
  if (!pool.native) figures['alone p99'] = await p99(20_000, (times) => alone(times.length, times))
}
if (wanted('borrowers')) {
  const each = 200
  figures['borrowers'] = await rate(BORROWERS * each, (count) => (pool.native?.borrowers ?? borrowers)(BORROWERS, count / BORROWERS))
  if (!pool.native) figures['borrowers p99'] = await p99(BORROWERS * each, (times) => borrowers(BORROWERS, each, times))
}
for (const crowd of CROWDS) {
  if (!wanted(`crowd ${crowd}`)) continue
  if (pool.native) {
    figures[`crowd ${crowd}`] = await rate(crowd, pool.native.atOnce)
    continue
  }
  // Both in one: a large crowd takes some of them long.
  /** @type {number[]} */
  const waits = []
  const times = new Float64Array(crowd)
  figures[`crowd ${crowd}`] = await rate(crowd, async (count) => {
    await atOnce(count, times)
    waits.push(quantile(times, 0.99))
  })
  figures[`crowd ${crowd} p99`] = quantile(waits.slice(-5), 0.5)
}
if (wanted('heap') && !pool.native) figures['heap'] = await heapPerWaiter()
await pool.close()
process.stdout.write(JSON.stringify(figures), () => process.exit(0))

/** Turns per second. @param {number} count turns of one run @param {(count: number) => Promise<void>} run */
async function rate(count, run) {
  // Until it is compiled.
  for (const until = now() + LEAST_MS; now() < until;) await run(Math.min(count, LARGEST_WARM_UP))
  let done = 0
  const since = now()
  do {
    await run(count)
    done += count
  } while (now() - since < LEAST_MS)
  return (done * 1_000) / (now() - since)
}

/** Milliseconds. */
function now() {
  if (by === 'wall') return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** How long one waited in milliseconds. @param {number} count @param {(times: Float64Array) => Promise<void>} run */
async function p99(count, run) {
  const runs = []
  for (let n = 0; n < 5; n++) {
    const times = new Float64Array(count)
    await run(times)
    runs.push(quantile(times, 0.99))
  }
  return quantile(runs, 0.5)
}

/** @param {number} count @param {Float64Array} [times] */
async function alone(count, times) {
  for (let n = 0; n < count; n++) {
    const since = times && performance.now()
    const borrowed = await pool.acquire(n)
    if (times) times[n] = performance.now() - Number(since)
    pool.release(borrowed)
  }
}

/** @param {number} count @param {number} each @param {Float64Array} [times] */
async function borrowers(count, each, times) {
  await Promise.all(Array.from({ length: count }, async (_, borrower) => {
    for (let n = 0; n < each; n++) {
      const since = times && performance.now()
      const borrowed = await pool.acquire(borrower)
      if (times) times[borrower * each + n] = performance.now() - Number(since)
      pool.release(borrowed)
    }
  }))
}

/** @param {number} count @param {Float64Array} [times] @returns {Promise<void>} */
function atOnce(count, times) {
  return new Promise((resolve, reject) => {
    let left = count
    for (let n = 0; n < count; n++) {
      const since = times && performance.now()
      pool.acquire(n).then((borrowed) => {
        if (times) times[n] = performance.now() - Number(since)
        pool.release(borrowed)
        if (--left === 0) resolve()
      }, reject)
    }
  })
}

/** Bytes that one who waits takes up. */
async function heapPerWaiter() {
  const held = await Promise.all(Array.from({ length: SIZE }, (_, n) => pool.acquire(n)))
  const waiting = new Array(WAITERS)
  const before = await heapUsed()
  for (let n = 0; n < WAITERS; n++) waiting[n] = pool.acquire(n)
  const after = await heapUsed()
  for (const borrowed of held) pool.release(borrowed)
  await Promise.all(waiting.map(async (waiter) => pool.release(await waiter)))
  return (after - before) / WAITERS
}

async function heapUsed() {
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

/** Nobody has what another has, and everybody who waits is served. */
async function check() {
  const out = new Set()
  let served = 0
  await Promise.all(Array.from({ length: 1_000 }, async (_, n) => {
    const borrowed = await pool.acquire(n)
    const thing = pool.thing(borrowed)
    ok(!out.has(thing), `${name} lent the same thing to two`)
    out.add(thing)
    ok(out.size <= SIZE, `${name} lent more than there are`)
    if (n % 3 === 0) await Promise.resolve()
    out.delete(thing)
    pool.release(borrowed)
    served++
  }))
  ok(served === 1_000, `${name} left somebody waiting`)
}
