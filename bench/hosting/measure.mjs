// `node measure.mjs KEEPER MEGABYTES SESSIONS`: prints what the starts cost a host of that size, as JSON.
import { createPool } from 'greenroom'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../lib/statistics.mjs'

const BEAT_MS = 1
const [keeper = '', megabytes = '', sessions = ''] = process.argv.slice(2)
const ballast = Array.from({ length: Number(megabytes) / 10 }, (_, n) => Buffer.alloc(10 * 2 ** 20, n + 1))
const count = Number(sessions)
const pool = await createPool({ driver: { use: 'json-lines', command: 'cat', ping: { send: 1 } }, size: { max: count + 1, spare: 0 }, keeper: keeper === 'true' })
// What is loaded once.
await pool.warm(1)
await sleep(500)
/** By how much each beat came late. */
const late = /** @type {number[]} */ ([])
let last = performance.now()
const beat = setInterval(() => {
  const now = performance.now()
  late.push(Math.max(0, now - last - BEAT_MS))
  last = now
}, BEAT_MS)
const since = performance.now()
const added = await pool.warm(count)
const ready = performance.now() - since
clearInterval(beat)
late.push(Math.max(0, performance.now() - last - BEAT_MS))
if (added !== count) throw new Error(`${added} of ${count} sessions were started`)
const rss = process.memoryUsage.rss() / 2 ** 20
await pool.close({ grace: 0 })
const figures = { rss, p99: quantile(late, 0.99), longest: Math.max(...late), ready, ballast: ballast.length }
process.stdout.write(JSON.stringify(figures), () => process.exit(0))
