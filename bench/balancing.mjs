// How long callers wait with each balancer: the 99th percentile of the latency, as a ratio to the central queue, which is the optimum. The
// pool is the real one; its sessions are in memory and its clock is virtual, so that hours pass in seconds and equal seeds give equal figures.
// It asserts nothing. Run it on the built package: npm run bench -- balancing [--requests 130000 --seeds 6 --only TEXT --out FILE]
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { centralQueue } from './balancing/central-queue.mjs'
import { createLoad } from './balancing/load.mjs'
import { playExclusive, playMultiplexed } from './balancing/play.mjs'

/** @typedef {import('./balancing/load.mjs').Load} Load */
/** @typedef {{ sessions: number, seed: number }} Setting */

const SESSIONS = 50
/** Of the requests: until the queues are as long as they get. */
const WARM_UP = 0.1
const SERVICES = ['lognormal', 'pareto']
const UTILISATIONS = [0.7, 0.9]

/**
 * @param {import('greenroom').PoolConfig['balancer']} balancer
 * @param {number} [places]
 * @returns {(load: Load, setting: Setting) => Promise<Float64Array>}
 */
const multiplexed = (balancer, places) => (load, setting) => playMultiplexed(load, { ...setting, balancer, ...(places && { places }) })

/**
 * `reference`: what a simulation without a pool gave on the lognormal times, at 0.7 and at 0.9.
 * @type {readonly { name: string, play: (load: Load, setting: Setting) => Promise<Float64Array>, reference?: readonly [number, number] }[]}
 */
const ROWS = [
  { name: 'exclusive sessions', play: playExclusive, reference: [1, 1] },
  { name: 'exclusive sessions, callers with keys', play: (load, setting) => playExclusive(load, { ...setting, affinity: true }), reference: [1, 1] },
  { name: 'least-loaded', play: multiplexed('least-loaded'), reference: [1.02, 1.41] },
  { name: 'power-of-two', play: multiplexed('power-of-two'), reference: [2.5, 3.7] },
  { name: 'peak-ewma', play: multiplexed('peak-ewma'), reference: [2.8, 4] },
  { name: 'power-of-two × latency-percentile', play: multiplexed({ use: 'power-of-two', metric: 'latency-percentile' }) },
  { name: 'best-of-all × peak-ewma', play: multiplexed({ use: 'best-of-all', metric: 'peak-ewma' }) },
  { name: 'best-of-all × latency-percentile', play: multiplexed({ use: 'best-of-all', metric: 'latency-percentile' }) },
  { name: 'bounded-hash', play: multiplexed('bounded-hash') },
  { name: 'round-robin', play: multiplexed('round-robin'), reference: [9.8, 21.8] },
  { name: 'random', play: multiplexed('random'), reference: [10.9, 22.5] },
  { name: 'least-recently-used', play: multiplexed('least-recently-used') },
  { name: 'most-recently-used, 4 places', play: multiplexed('most-recently-used', 4) },
]

/** @typedef {{ service: string, utilisation: number, ratio: number, seeds: number[], reference: number | undefined }} Cell */
/** @typedef {{ name: string, cells: Cell[] }} Row */

/**
 * Measures every balancer.
 * `only`: those whose name contains it.
 * @param {{ requests: number, seeds: number, services?: readonly string[], only?: string, progress?: (text: string) => void }} options
 * @returns {Promise<Row[]>}
 */
export async function measure({ requests, seeds, services = SERVICES, only = '', progress = () => {} }) {
  /** @type {Row[]} */
  const rows = ROWS.filter(({ name }) => name.includes(only)).map(({ name }) => ({ name, cells: [] }))
  for (const service of services) {
    for (const [column, utilisation] of UTILISATIONS.entries()) {
      const loads = Array.from({ length: seeds }, (_, seed) => createLoad({ service, utilisation, sessions: SESSIONS, requests, seed: seed + 1 }))
      const optimum = loads.map((load) => settled(centralQueue(load, SESSIONS)))
      for (const row of rows) {
        const { play, reference } = ROWS.find(({ name }) => name === row.name) ?? {}
        if (!play) continue
        const latencies = []
        for (const [seed, load] of loads.entries()) latencies.push(settled(await play(load, { sessions: SESSIONS, seed: seed + 1 })))
        const ratios = latencies.map((measured, seed) => p99([measured]) / p99(optimum.slice(seed, seed + 1)))
        const ratio = p99(latencies) / p99(optimum)
        row.cells.push({ service, utilisation, ratio, seeds: ratios, reference: service === 'lognormal' ? reference?.[column] : undefined })
        progress(`${service} ${utilisation} ${row.name}: ${figure(ratio)}`)
      }
    }
  }
  return rows
}

/** The rows as a table, the references in brackets. @param {readonly Row[]} rows */
export function table(rows) {
  const heads = SERVICES.flatMap((service) => UTILISATIONS.map((utilisation) => `${service} ${utilisation}`))
  const lines = rows.map(({ name, cells }) => {
    const figures = cells.map(({ ratio, reference }) => `${figure(ratio)}${reference === undefined ? '' : ` (${reference})`}`)
    return `| ${[name, ...figures].join(' | ')} |`
  })
  return [`| p99 latency ÷ that of the central queue | ${heads.join(' | ')} |`, `|---|${heads.map(() => '---:|').join('')}`, ...lines].join('\n')
}

/** @param {readonly string[]} args */
export async function run(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: 'string', default: '130000' }, seeds: { type: 'string', default: '6' }, only: { type: 'string', default: '' },
      out: { type: 'string' },
    },
  })
  const [requests, seeds] = [Number(values.requests), Number(values.seeds)]
  const rows = await measure({ requests, seeds, only: values.only, progress: (text) => process.stderr.write(`${text}\n`) })
  console.log(`${SESSIONS} sessions, ${requests} requests, ${seeds} seeds; in brackets: a simulation without a pool\n\n${table(rows)}`)
  // What was looked at in part takes no place of what was looked at as a whole.
  const out = values.out ?? (values.only === '' ? fileURLToPath(new URL('results/balancing.json', import.meta.url)) : undefined)
  if (out === undefined) return
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify({ sessions: SESSIONS, requests, seeds, rows }, undefined, 2)}\n`)
}

/** Without the beginning. @param {Float64Array} latencies */
function settled(latencies) {
  return latencies.subarray(Math.floor(latencies.length * WARM_UP))
}

/** Of all of them together. @param {readonly Float64Array[]} parts */
function p99(parts) {
  const all = parts.flatMap((part) => [...part]).sort((a, b) => a - b)
  return all[Math.floor(all.length * 0.99)] ?? NaN
}

function figure(/** @type {number} */ ratio) {
  return ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(ratio < 100 ? 1 : 0)
}
