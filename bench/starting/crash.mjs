// Prints what one SIGKILL did, as JSON.
import { createPool, isGreenroomError } from 'greenroom'
import { setTimeout as sleep } from 'node:timers/promises'
import { driver, start } from './by-hand.mjs'

const SESSIONS = 8
const WAITING = 100
const START_MS = 150
/** After so long, what has not been settled is lost. */
const LONGEST_MS = 20_000

const pool = await createPool({ driver: driver(START_MS), size: { min: SESSIONS, max: SESSIONS }, isolation: 'none' })
await pool.ready()

// A machine as busy as it is then: seven sessions answer requests meanwhile.
let busy = true
const load = Promise.all(Array.from({ length: SESSIONS - 1 }, async () => {
  while (busy) await pool.request({ ms: 20 })
}))
/** @type {number[]} */
const starts = []
for (let n = 0; n < 3; n++) {
  const since = performance.now()
  const child = await start(START_MS)
  starts.push(performance.now() - since)
  await child.end()
}
busy = false
await load

const leases = await Promise.all(Array.from({ length: SESSIONS }, () => pool.acquire()))
const victim = leases[0]
const held = leases.slice(1).map((lease) => lease.request({ ms: 600 }).finally(() => lease.release()))
const doomed = victim?.request({ ms: 10_000 }) ?? Promise.reject(new Error('no lease'))
let settled = 0
let errors = 0
const waiting = Array.from({ length: WAITING }, (_, n) => pool.request({ n, ms: 5 }).catch(() => errors++).finally(() => settled++))
await sleep(50)
const pid = pool.getSessionMetrics().find(({ sessionId }) => sessionId === victim?.sessionId)?.pid
const since = performance.now()
if (pid !== undefined) process.kill(pid, 'SIGKILL')
const code = await doomed.catch((error) => (isGreenroomError(error) ? error.code : String(error)))
const errorMs = performance.now() - since
if (code !== 'SESSION_CRASHED') throw new Error(`the caller of the killed session got ${JSON.stringify(code)}`)
// The first of those who wait is served by the replacement: the others are held for longer.
while (settled === 0 && performance.now() - since < LONGEST_MS) await sleep(1)
const backMs = performance.now() - since
await Promise.race([Promise.allSettled([...held, ...waiting]), sleep(LONGEST_MS)])
const lost = WAITING - settled
const { crashes } = pool.getPoolStats()
await pool.close({ grace: 0 })
process.stdout.write(JSON.stringify({
  "the caller's error, ms": errorMs, 'capacity back, ms': backMs, 'one start by hand, ms': starts.sort((a, b) => a - b)[1],
  'requests lost': lost, 'other requests that failed': errors, crashes,
}), () => process.exit(0))
