// `node failing.mjs 'exits with 1'|'is missing'`: prints what came of it as JSON.
import { createPool } from 'greenroom'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const CALLERS = 50
const LENGTH_MS = 3_000
/** A caller asks again after so long. */
const AGAIN_MS = 5

const [how = ''] = process.argv.slice(2)
const command = how === 'is missing' ? { command: 'no-such-program' } : { command: process.execPath, args: ['-e', 'console.error("no licence"); process.exit(1)'] }
const pool = await createPool({ driver: { use: 'json-lines', ...command, ready: { match: { ready: true } } }, size: { max: 10 } })
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const since = performance.now()
let refusals = 0
let without = 0
await Promise.all(Array.from({ length: CALLERS }, async () => {
  while (performance.now() - since < LENGTH_MS) {
    await pool.acquire().then(() => Promise.reject(new Error('it cannot be had')), (error) => {
      refusals++
      if (!/no licence|no-such-program/.test(`${error.message} ${error.cause?.message ?? ''}`)) without++
    })
    await sleep(AGAIN_MS)
  }
}))
const seconds = (performance.now() - since) / 1_000
delay.disable()
const { started, breaker } = pool.getPoolStats()
if (breaker === 'closed') throw new Error('the breaker did not open')
await pool.close({ grace: 0 })
process.stdout.write(JSON.stringify({
  'starts per second': started / seconds, 'refusals per second': refusals / seconds, 'refusals without the cause': without,
  // The monitor counts its own interval.
  'event loop held up, p99 ms': Math.max(0, delay.percentile(99) / 1e6 - 5), 'event loop held up, longest ms': Math.max(0, delay.max / 1e6 - 5),
}), () => process.exit(0))
