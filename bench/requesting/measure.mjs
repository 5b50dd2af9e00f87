// One contestant of the scenarios with requests, in a process of its own: `node measure.mjs CONTESTANT BYTES CONCURRENCY PROCESSES [MS]`,
// where the three numbers may be lists with commas. Prints figures as JSON.
import { deepEqual, ok } from 'node:assert/strict'
import { quantile } from '../lib/statistics.mjs'

/** Until it is compiled: who does more has more to be compiled. */
const WARM_UP_MS = 700
const [name = '', ...numbers] = process.argv.slice(2)
const [sizes = [], concurrencies = [], processes = [], [leastMs = 500] = []] = numbers.map((list) => list.split(',').map(Number))
const raw = name.endsWith('-raw')
/** @type {typeof import('../peers/requesting/pool.d.mts')} */
const { open } = await import(`../peers/requesting/${name}.mjs`)
/** @type {Record<string, number>} */
const figures = {}

for (const count of processes) {
  const pool = await open({ processes: count })
  for (const size of sizes) {
    const texts = await check(pool, size)
    for (const concurrency of concurrencies) {
      await run(pool, texts, concurrency, WARM_UP_MS)
      const { rate, p99, cpu } = await run(pool, texts, concurrency, leastMs)
      const key = `${size} B × ${concurrency} on ${count}`
      Object.assign(figures, { [key]: rate, [`${key} p99`]: p99, [`${key} cpu`]: cpu })
    }
  }
  await pool.close()
}
process.stdout.write(JSON.stringify(figures), () => process.exit(0))

/** A message that has, with all that is around its text, about so many bytes. @param {number} size @param {string} part */
function messageOf(size, part = 'Some text with "quotes" in it. ') {
  const message = { n: 1, text: part.repeat(Math.ceil(size / part.length)).slice(0, Math.max(0, size - 20)) }
  return raw ? Buffer.from(JSON.stringify(message)) : message
}

/** Every answer is the whole message, for each of many at once. @param {import('../peers/requesting/pool.d.mts').RequestingPool} pool @param {number} size */
async function check(pool, size) {
  for (const message of [messageOf(size), messageOf(size, 'Ünïcode \n ')]) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => pool.request(message)))
    for (const answer of answers) {
      if (raw) ok(/** @type {Buffer} */ (answer).equals(/** @type {Buffer} */ (message)), `${name} gave another answer`)
      else deepEqual({ .../** @type {object} */ (answer), id: 0 }, { ...message, id: 0 })
    }
  }
  return messageOf(size)
}

/**
 * @param {import('../peers/requesting/pool.d.mts').RequestingPool} pool
 * @param {object} message
 * @param {number} concurrency
 * @param {number} ms
 */
async function run(pool, message, concurrency, ms) {
  /** @type {number[]} */
  const times = []
  const length = lengthOf(message)
  const before = process.cpuUsage()
  const since = performance.now()
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (performance.now() - since < ms) {
      const began = performance.now()
      const answer = await pool.request(message)
      times.push(performance.now() - began)
      if (lengthOf(answer) !== length) throw new Error(`${name} gave another answer`)
    }
  }))
  const elapsed = performance.now() - since
  const { user, system } = process.cpuUsage(before)
  return { rate: (times.length * 1_000) / elapsed, p99: quantile(times, 0.99), cpu: (user + system) / 1_000 / times.length }
}

/** @param {unknown} message */
function lengthOf(message) {
  return raw ? /** @type {Buffer} */ (message).length : /** @type {{ text: string }} */ (message).text.length
}
