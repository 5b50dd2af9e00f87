// What each scaler makes of loads that change: how long until all is well again, how long callers wait, and how many session-seconds it costs.
// The pool is the real one; its sessions are in memory and its clock is virtual, so that equal seeds give equal figures. It asserts nothing.
// Run it on the built package: npm run bench -- scaling [--seeds 3 --only TEXT --out FILE]
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createInMemoryWorld, seededRandom } from 'greenroom/testing'

/** @typedef {Partial<import('greenroom').PoolConfig>} Config */
/** @typedef {{ arrivals: number[], riseAt: number | undefined, lengthMs: number }} Load */
/** @typedef {{ waits: number[], settledMs: number | undefined, sessionSeconds: number }} Outcome */
/** @typedef {{ name: string, load: string, settledMs: number | undefined, p99Ms: number, sessionSeconds: number }} Row */

const START_MS = 5_000
const MEAN_HOLD_MS = 1_000
const MINUTE = 60_000
/** Who waited for longer was not served at once. */
const AT_ONCE_MS = 100

/** @type {readonly { name: string, config: Config }[]} */
const SCALERS = [
  { name: 'demand', config: { scaler: 'demand' } },
  { name: 'demand, spare 20%', config: { scaler: 'demand', size: { spare: '20%' } } },
  { name: 'utilization', config: { scaler: 'utilization' } },
  { name: 'panic', config: { scaler: 'panic' } },
  { name: 'forecast', config: { scaler: 'forecast' } },
]

/**
 * Callers per second at each time, and when it begins to rise.
 * @type {Readonly<Record<string, { rate: (ms: number) => number, lengthMs: number, riseAt?: number, burst?: number }>>}
 */
const LOADS = {
  step: { rate: (ms) => (ms < 2 * MINUTE ? 2 : 20), lengthMs: 8 * MINUTE, riseAt: 2 * MINUTE },
  ramp: { rate: (ms) => 2 + (28 * ms) / (10 * MINUTE), lengthMs: 10 * MINUTE },
  // 40 at once, every three minutes.
  burst: { rate: () => 1, lengthMs: 15 * MINUTE, burst: 3 * MINUTE },
  'quiet day': { rate: () => 0.02, lengthMs: 240 * MINUTE },
}

/**
 * Poisson arrivals at a rate that changes: candidates at the highest one, of which a share comes.
 * @param {string} name
 * @param {number} seed
 * @param {number} scale
 * @returns {Load}
 */
function createLoad(name, seed, scale) {
  const load = LOADS[name]
  if (!load) throw new Error(`loads are ${Object.keys(LOADS).join(', ')}`)
  const { rate, lengthMs, riseAt, burst } = load
  const random = seededRandom(seed)
  const highest = 30
  const arrivals = []
  const end = lengthMs * scale
  for (let now = 0; (now += (-Math.log(1 - random.next()) * 1_000) / highest) < end;) {
    if (random.next() * highest < rate(now / scale)) arrivals.push(now)
  }
  for (let now = (burst ?? Infinity) * scale; now < end; now += (burst ?? Infinity) * scale) for (let n = 0; n < 40; n++) arrivals.push(now)
  return { arrivals, riseAt: riseAt === undefined ? undefined : riseAt * scale, lengthMs: end }
}

/** @param {Load} load @param {Config} config @param {number} seed @returns {Promise<Outcome>} */
async function play({ arrivals, riseAt, lengthMs }, config, seed) {
  const random = seededRandom(seed)
  const world = createInMemoryWorld({ random: seededRandom(seed), capabilities: { ping: true } })
  world.control.behaviour.start = { ms: START_MS }
  const pool = await world.createPool({
    isolation: 'none', health: false, metrics: false, timeouts: { acquire: false, idle: '5m' }, ...config, size: { max: 80, spare: 1, starting: 80, ...config.size },
  })
  const { clock, control } = world
  await clock.advance(START_MS)
  const origin = clock.now()
  /** @type {number[]} */
  const waits = []
  let lastLateAt = riseAt
  let sessionSeconds = 0
  const count = () => {
    sessionSeconds += control.live
    if (clock.now() - origin < lengthMs) clock.setTimer(count, 1_000)
  }
  clock.setTimer(count, 1_000)
  const call = async (/** @type {number} */ at, /** @type {number} */ holdMs) => {
    const lease = await pool.acquire()
    const wait = clock.now() - origin - at
    waits.push(wait)
    if (riseAt !== undefined && at >= riseAt && wait > AT_ONCE_MS) lastLateAt = Math.max(lastLateAt ?? 0, at)
    clock.setTimer(() => lease.release(), holdMs)
  }
  for (const at of arrivals) {
    const holdMs = -Math.log(1 - random.next()) * MEAN_HOLD_MS
    clock.setTimer(() => void call(at, holdMs), at)
  }
  await clock.advance(lengthMs + MINUTE)
  const closed = pool.close()
  await clock.runUntilIdle()
  await closed
  return { waits, sessionSeconds, settledMs: riseAt === undefined || lastLateAt === undefined ? undefined : lastLateAt - riseAt }
}

/**
 * `scale`: how long the loads last, beside their full length.
 * @param {{ seeds: number, scale?: number, only?: string }} options
 * @returns {Promise<Row[]>}
 */
export async function measure({ seeds, scale = 1, only = '' }) {
  /** @type {Row[]} */
  const rows = []
  for (const load of Object.keys(LOADS)) {
    for (const { name, config } of SCALERS.filter((scaler) => scaler.name.includes(only))) {
      const outcomes = []
      for (let seed = 1; seed <= seeds; seed++) outcomes.push(await play(createLoad(load, seed, scale), config, seed))
      const waits = outcomes.flatMap((outcome) => outcome.waits).sort((a, b) => a - b)
      const settled = outcomes.map(({ settledMs }) => settledMs).filter((ms) => ms !== undefined)
      rows.push({
        name,
        load,
        settledMs: settled.length === 0 ? undefined : settled.reduce((sum, ms) => sum + ms, 0) / settled.length,
        p99Ms: waits[Math.floor(waits.length * 0.99)] ?? 0,
        sessionSeconds: Math.round(outcomes.reduce((sum, outcome) => sum + outcome.sessionSeconds, 0) / seeds),
      })
    }
  }
  return rows
}

/** @param {readonly Row[]} rows */
export function table(rows) {
  const seconds = (/** @type {number | undefined} */ ms) => (ms === undefined ? '' : `${(ms / 1_000).toFixed(1)} s`)
  return [
    '| load | scaler | served at once after | p99 wait | session-seconds |',
    '|---|---|---|---|---|',
    ...rows.map(({ load, name, settledMs, p99Ms, sessionSeconds }) => `| ${load} | ${name} | ${seconds(settledMs)} | ${seconds(p99Ms)} | ${sessionSeconds.toLocaleString('en')} |`),
  ].join('\n')
}

/** @param {string[]} args */
export async function run(args) {
  const { values } = parseArgs({ args, options: { seeds: { type: 'string', default: '3' }, only: { type: 'string', default: '' }, out: { type: 'string' } } })
  const rows = await measure({ seeds: Number(values.seeds), only: values.only })
  console.log(`Starts take ${START_MS / 1_000} s, leases ${MEAN_HOLD_MS / 1_000} s on average; mean of ${values.seeds} seeds.\n\n${table(rows)}`)
  // What was looked at in part takes no place of what was looked at as a whole.
  const out = values.out ?? (values.only === '' ? fileURLToPath(new URL('results/scaling.json', import.meta.url)) : undefined)
  if (out === undefined) return
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify({ startMs: START_MS, meanHoldMs: MEAN_HOLD_MS, seeds: Number(values.seeds), rows }, undefined, 2)}\n`)
}
