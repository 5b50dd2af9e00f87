// Random load with faults on real processes, for as long as you like; at the end nothing may be left of it:  npm run soak -- --minutes 10
import { createPool, isGreenroomError } from 'greenroom'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { sessionProcesses, takeInventory } from './soak/inventory.mjs'

const HELP = `Random load with faults on real processes. At the end memory, descriptors, listeners, timers and processes must be back at their start
levels; else it ends with 1.

  npm run soak -- [options]

  --minutes N    how long; default 10
  --callers N    at the same time; default 24
  --sessions N   processes at most; default 10
  --direct       without the keeper
  --help
`
const WHAT = [
  ...Array(60).fill('answer'), 'slow', 'slow', ...Array(15).fill('stream'), ...Array(6).fill('descend'), ...Array(4).fill('babble'), 'crash', 'crash', 'exit',
  'stop', 'stubborn', 'unasked', 'abandon', 'abandon', 'destroy', 'abort', 'kill',
]
/** More than this is a leak: what a heap grows by on its own stays below it. */
const MEMORY_SLACK = 32 * 2 ** 20

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, callers: { type: 'string', default: '24' }, sessions: { type: 'string', default: '10' }, direct: { type: 'boolean', default: false }, help: { type: 'boolean' } },
})
const minutes = Number(values.minutes)
const callers = Number(values.callers)
const sessions = Number(values.sessions)
if (values.help || !(minutes > 0) || !(callers > 0) || !(sessions >= 2)) {
  console.log(HELP)
  process.exit(values.help ? 0 : 2)
}
if (process.platform !== 'linux') {
  console.error('the soak counts what is left by looking into /proc, which only Linux has')
  process.exit(2)
}

/** @type {Map<string, number>} */
const outcomes = new Map()
/** @type {Map<string, number>} */
const problems = new Map()
const count = (/** @type {Map<string, number>} */ map, /** @type {string} */ what) => map.set(what, (map.get(what) ?? 0) + 1)
process.on('unhandledRejection', (problem) => {
  console.error('unhandled rejection:', problem)
  process.exit(1)
})

const config = {
  driver: /** @type {const} */ ({
    use: 'json-lines', command: process.execPath, args: [fileURLToPath(new URL('soak/troublemaker.mjs', import.meta.url))],
    id: 'id', terminal: { type: 'answer' },
  }),
  size: { min: 2, max: sessions, spare: 2, perTenant: Math.ceil(0.6 * sessions) },
  timeouts: { start: '20s', acquire: '20s', idle: '3s', active: '8s', silence: '2s', total: '20s', settle: '500ms', close: '500ms' },
  health: { every: '1s' },
  metrics: { every: '500ms' },
  limits: { memory: { hard: '1GB' } },
  restart: { maxCrashes: 1_000 },
  keeper: !values.direct,
}

async function start() {
  const { plugin } = await import('./soak/problems.mjs')
  return createPool(/** @type {import('greenroom').PoolConfig} */ ({ ...config, plugins: [plugin((problem, where) => count(problems, `${where}: ${String(problem)}`.replaceAll(/\d+/g, 'N')))] }))
}

/** Node, the pool and the keeper load what they load once. */
async function warmUp() {
  const pool = await start()
  const until = performance.now() + 5_000
  await Promise.all(Array.from({ length: callers }, () => load(pool, until)))
  await pool.close()
}

/** @param {import('greenroom').Pool} pool @param {number} until */
async function load(pool, until) {
  while (performance.now() < until) {
    const what = WHAT[Math.floor(Math.random() * WHAT.length)]
    try {
      await once(pool, what)
      count(outcomes, what)
    } catch (error) {
      if (!isGreenroomError(error)) throw error
      count(outcomes, `${what} → ${error.code}`)
    }
  }
}

/** @param {import('greenroom').Pool} pool @param {string} what */
async function once(pool, what) {
  const tenant = `tenant-${Math.floor(Math.random() * Math.max(4, sessions / 10))}`
  const key = Math.random() < 0.5 ? `key-${Math.floor(Math.random() * 5)}` : undefined
  const ms = what === 'slow' ? 1_500 : Math.random() * 40
  const lease = await pool.acquire({ tenant, ...(key && { key }) })
  try {
    if (what === 'abandon') {
      void lease.request({ what: 'answer', ms: 100 }).catch(() => undefined)
    } else if (what === 'abort') {
      await lease.request({ what: 'answer', ms: 500 }, { signal: AbortSignal.timeout(20) })
    } else if (what === 'kill') {
      const pid = pool.getSessionMetrics().find(({ sessionId }) => sessionId === lease.sessionId)?.pid
      const answer = lease.request({ what: 'answer', ms: 200 })
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      await answer
    } else if (what === 'stream') {
      for await (const event of lease.stream({ what, ms })) void event
    } else {
      await lease.request({ what: what === 'destroy' ? 'answer' : what, ms })
      if (what === 'destroy') lease.destroy()
    }
  } finally {
    lease.release()
  }
}

await warmUp()
const before = await takeInventory()
outcomes.clear()
console.log(`${minutes} ${minutes === 1 ? 'minute' : 'minutes'} of ${callers} callers on ${sessions} sessions at most, ${values.direct ? 'without' : 'with'} the keeper`)

const pool = await start()
const began = performance.now()
const ends = began + minutes * 60_000
const progress = setInterval(() => {
  const { size, waiting, requests, started, crashes } = pool.getPoolStats()
  const elapsed = Math.round((performance.now() - began) / 1_000)
  console.log(`${String(elapsed).padStart(5)} s  ${requests} requests, ${started} sessions started, ${crashes} crashes; now ${size} processes, ${waiting} waiting, ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`)
}, 30_000)
let peak = 0
const watch = setInterval(() => (peak = Math.max(peak, pool.getPoolStats().size)), 50)
await Promise.all(Array.from({ length: callers }, () => load(pool, ends)))
clearInterval(watch)
clearInterval(progress)
const { requests, started, crashes } = pool.getPoolStats()
await pool.close()
const atClose = sessionProcesses().length
const after = await takeInventory()

console.log(`\n${requests} requests, ${started} sessions started, ${peak} at most at a time, ${crashes} crashes\n`)
for (const [what, times] of [...outcomes].sort()) console.log(`  ${String(times).padStart(8)}  ${what}`)
for (const [what, times] of problems) console.log(`  ${String(times).padStart(8)}  reported: ${what}`)
console.log('\n                     before      after')
// Sessions of other programs may be there all the time.
const left = Math.max(0, atClose - before.processes)
let failed = left > 0 || peak > sessions
for (const name of /** @type {const} */ (['rssBytes', 'heapBytes', 'descriptors', 'listeners', 'timers', 'processes'])) {
  const isMemory = name.endsWith('Bytes')
  const show = (/** @type {number} */ value) => (isMemory ? `${(value / 2 ** 20).toFixed(1)} MB` : String(value)).padStart(10)
  const leaks = after[name] > before[name] + (isMemory ? MEMORY_SLACK : 0)
  failed ||= leaks
  console.log(`${name.padEnd(14)} ${show(before[name])} ${show(after[name])}${leaks ? '   LEFT BEHIND' : ''}`)
}
if (left > 0) console.log(`\n${left} processes were alive when close() had resolved`)
process.exitCode = failed ? 1 : 0
