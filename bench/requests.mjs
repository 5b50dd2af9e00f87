// What a request to a pooled process and its answer cost: greenroom, other pools of processes, and the least there is, hand-written pipes.
// Run it on the built package: npm run bench -- requests [--rounds 1 --only NAME,NAME --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { installPeers, withVersion } from './lib/peers.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const FLOOR = 'pipes'
const PIPE = 'pipe'
const EXCLUSIVE = 'greenroom'
const LAST_USED = 'greenroom-last-used'
const MULTIPLEXED = 'greenroom-multiplexed'
const PEERS = ['workerpool', 'jest-worker', 'tinypool', 'poolifier']
const LABELS = new Map([
  [FLOOR, 'floor: a pool of pipes'], [PIPE, 'one pipe, all at once'], [EXCLUSIVE, 'greenroom'],
  [LAST_USED, 'greenroom, most-recently-used'], [MULTIPLEXED, 'greenroom, one session, 32 at a time'],
])
const SIZES = [100, 10_000, 1_000_000]
const CONCURRENCIES = [1, 32]
const PROCESSES = [2, 8]

const cells = SIZES.flatMap((size) => PROCESSES.flatMap((count) => CONCURRENCIES.map((concurrency) => ({
  key: cell(size, concurrency, count), size, concurrency, count, head: `${bytes(size)}, ${concurrency} on ${count}`,
}))))

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, only, out } = readArguments(args, 1)
  installPeers()
  const names = [FLOOR, PIPE, EXCLUSIVE, LAST_USED, MULTIPLEXED, ...PEERS].filter((name) => !only || only.includes(name))
  const measured = await interleave(names, rounds, (name) => {
    // Those with one process have no number of them.
    const processes = name === PIPE || name === MULTIPLEXED ? '2' : PROCESSES.join()
    return inOwnProcess(new URL('requesting/measure.mjs', import.meta.url), [name, SIZES.join(), CONCURRENCIES.join(), processes])
  })
  const figure = (/** @type {string} */ name, /** @type {string} */ key) => measured.get(name)?.figures[key] ?? NaN
  const best = (/** @type {string} */ key, /** @type {(...values: number[]) => number} */ choose) =>
    choose(...PEERS.map((name) => figure(name, key)).filter(Number.isFinite))
  const rates = cells.map(({ key, head }) => [
    head, ...names.map((name) => (name === FLOOR ? `${amount(figure(name, key))}/s` : amount(figure(name, key) / figure(FLOOR, key)))),
  ])
  const waits = cells.map(({ key, head }) => [head, ...names.map((name) => amount(figure(name, `${key} p99`)))])
  const heads = ['messages of, concurrency on processes', ...names.map(label)]

  const aims = [
    ...cells.map(({ key, head }) => ({ what: `${head}: greenroom ÷ pool of pipes`, value: figure(EXCLUSIVE, key) / figure(FLOOR, key), atLeast: 1 })),
    ...cells.map(({ key, head }) => ({ what: `${head}: greenroom ÷ best peer`, value: figure(EXCLUSIVE, key) / best(key, Math.max), atLeast: 1.3 })),
    ...cells.map(({ key, head }) => ({ what: `${head}: greenroom's p99 ÷ best peer's`, value: figure(EXCLUSIVE, `${key} p99`) / best(`${key} p99`, Math.min), atMost: 0.5 })),
    ...SIZES.map((size) => {
      const key = cell(size, 32, 2)
      return { what: `${bytes(size)}: one session with 32 ÷ one pipe with 32`, value: figure(MULTIPLEXED, key) / figure(PIPE, key), atLeast: 0.8 }
    }),
  ]
  report('requests', {
    title: 'Requests to pooled processes and their answers, lines of JSON',
    text: `Requests per second, as a ratio to the floor\n\n${table(heads, rates)}\n\nFrom a request to its answer, p99 in ms\n\n${table(heads, waits)}`,
    aims, rounds, out,
    data: { contestants: Object.fromEntries([...measured].map(([name, found]) => [withVersion(name), found])) },
  })
}

/** @param {number} size @param {number} concurrency @param {number} count */
function cell(size, concurrency, count) {
  return `${size} B × ${concurrency} on ${count}`
}

/** @param {number} size */
function bytes(size) {
  return size >= 1_000_000 ? `${size / 1_000_000} MB` : size >= 1_000 ? `${size / 1_000} kB` : `${size} B`
}

/** @param {string} name */
function label(name) {
  return LABELS.get(name) ?? withVersion(name)
}
