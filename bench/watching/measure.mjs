// `node measure.mjs SESSIONS SECONDS METRICS`: prints what watching them costs as JSON.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'greenroom'
import { BY_HAND, watchByHand } from './by-hand.mjs'

const [count = '', seconds = '', name = ''] = process.argv.slice(2)
const sessions = Number(count)
const DELAY_MS = 10_000
/** @typedef {NonNullable<import('greenroom').PoolConfig['metrics']>} Metrics */
/** @type {Readonly<Record<string, Metrics | false>>} */
const METRICS = {
  'none': false,
  'procfs, without PSS': { use: 'procfs', every: '1s', pssEvery: false },
  'procfs': { use: 'procfs', every: '1s' },
  'procfs, no probes': { use: 'procfs', every: '1s' },
  'pidusage': { use: 'pidusage', every: '1s' },
}

const watched = await (name === BY_HAND ? watchByHand(sessions) : watchInPool())
// Watching goes on for days. What the first minute costs is something else: code is compiled, and the heap of the start is tidied up.
await sleep(60_000)
const before = process.cpuUsage()
const since = performance.now()
await sleep(Number(seconds) * 1_000)
const { user, system } = process.cpuUsage(before)
const cpu = (user + system) / 10 / (performance.now() - since)
// By itself: it wakes the process a hundred times a second.
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
await sleep(DELAY_MS)
delay.disable()
const [size, measured] = [watched.size(), watched.measured()]
await watched.close()
if (size !== sessions) throw new Error(`${size} of ${sessions} sessions were there at the end`)
const figures = { cpu, p99: delay.percentile(99) / 1e6 - 10, longest: delay.max / 1e6 - 10, measured }
process.stdout.write(JSON.stringify(figures), () => process.exit(0))

async function watchInPool() {
  const pool = await createPool({
    // `cat` gives back what it is asked: a real round trip.
    driver: { use: 'json-lines', command: 'cat', ping: { send: { alive: 1 }, expect: { alive: 1 } } },
    size: { min: sessions, max: sessions, spare: 0, starting: 16 }, timeouts: { idle: false, total: false, start: '2m' },
    health: name.endsWith('no probes') ? false : { every: '30s' }, metrics: METRICS[name] ?? false,
  })
  await pool.ready()
  return {
    size: () => pool.getPoolStats().size, measured: () => pool.getPoolStats().measuredSessions, close: () => pool.close({ grace: 0 }),
  }
}
