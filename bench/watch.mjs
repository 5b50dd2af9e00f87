// What it costs the host to watch many sessions: CPU of the host process in percent of one core, and how long its event loop is held up,
// with each sampler and with none. The sessions are real processes that sleep.
// It asserts nothing. Run it on the built package: npm run bench:watch [-- --sessions 1000 --seconds 20]
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createPool } from 'greenroom'

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '20' } } })
const sessions = Number(values.sessions)
const seconds = Number(values.seconds)

/** @typedef {NonNullable<import('greenroom').PoolConfig['metrics']>} Metrics */

/** @type {Readonly<Record<string, Metrics | false>>} */
const METRICS = {
  'none': false,
  'procfs, without PSS': { use: 'procfs', every: '1s', pssEvery: false },
  'procfs': { use: 'procfs', every: '1s' },
  'pidusage': { use: 'pidusage', every: '1s' },
}

/** @param {Metrics | false} metrics */
async function measure(metrics) {
  const pool = await createPool({
    driver: { use: 'json-lines', command: 'sleep', args: ['100000'] },
    size: { min: sessions, max: sessions, spare: 0, starting: 16 }, timeouts: { idle: false, total: false, start: '2m' }, health: false, metrics,
  })
  await pool.ready()
  // The first sweep reads everything for the first time.
  await sleep(3_000)
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const before = process.cpuUsage()
  const since = performance.now()
  await sleep(seconds * 1_000)
  const { user, system } = process.cpuUsage(before)
  const percent = (user + system) / 10 / (performance.now() - since)
  delay.disable()
  const { measuredSessions, memoryUsage } = pool.getPoolStats()
  await pool.close({ grace: 0 })
  return { percent, longestMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6, measuredSessions, memoryUsage }
}

console.log(`${sessions} sessions measured once a second for ${seconds} s; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}\n`)
console.log('| metrics | CPU of the host, % of a core | event loop held up, ms: p99 | longest | sessions measured |\n|---|---:|---:|---:|---:|')
for (const [name, metrics] of Object.entries(METRICS)) {
  const { percent, longestMs, p99Ms, measuredSessions } = await measure(metrics)
  console.log(`| ${name} | ${percent.toFixed(2)} | ${p99Ms.toFixed(1)} | ${longestMs.toFixed(1)} | ${measuredSessions} |`)
}
