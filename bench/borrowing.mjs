// What it costs to borrow a thing from a pool and to give it back, with nothing but memory behind it: greenroom and others, as ratios to the
// least that a pool can do. Run it on the built package: npm run bench -- borrowing [--rounds 3 --only NAME,NAME --out FILE]
import { BORROWERS, CROWDS, SIZE } from './borrowing/patterns.mjs'
import { readArguments } from './lib/arguments.mjs'
import { installPeers, withVersion } from './lib/peers.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const FLOOR = 'floor'
const OURS = ['greenroom', 'greenroom-keyed']
const PEERS = ['generic-pool', 'lightning-pool', 'tarn', 'effect']
const LABELS = new Map([
  ['floor', 'floor: a list and promises'], ['greenroom', "greenroom, isolation 'none'"], ['greenroom-keyed', 'greenroom, tenant and key'],
])
/** @type {readonly (readonly [string, string])[]} */
const PATTERNS = [
  ['alone', 'alone'], ['borrowers', `${BORROWERS} borrowers`],
  ...CROWDS.map((crowd) => /** @type {const} */ ([`crowd ${crowd}`, `${crowd.toLocaleString('en')} at once`])),
]

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, only, out } = readArguments(args, 3)
  installPeers()
  const names = [FLOOR, ...OURS, ...PEERS].filter((name) => !only || only.includes(name))
  const measured = await interleave(names, rounds, (name) => inOwnProcess(new URL('borrowing/measure.mjs', import.meta.url), [name]))
  const figure = (/** @type {string} */ name, /** @type {string} */ what) => measured.get(name)?.figures[what] ?? NaN
  const best = (/** @type {string} */ what, /** @type {(...values: number[]) => number} */ choose) =>
    choose(...PEERS.map((name) => figure(name, what)).filter(Number.isFinite))

  const rates = names.map((name) => [
    label(name), ...PATTERNS.map(([what]) => (name === FLOOR ? `${amount(figure(name, what) / 1e6)} M/s` : amount(figure(name, what) / figure(FLOOR, what)))),
  ])
  const waits = names.map((name) => [label(name), ...PATTERNS.map(([what]) => amount(figure(name, `${what} p99`) * 1_000)), amount(figure(name, 'heap'))])
  const heads = PATTERNS.map(([, head]) => head)
  const aims = OURS.filter((name) => names.includes(name)).flatMap((name) => [
    ...PATTERNS.map(([what, head]) => ({ what: `${label(name)}: ${head} ÷ fastest peer`, value: figure(name, what) / best(what, Math.max), atLeast: 2 })),
    ...PATTERNS.map(([what, head]) => ({ what: `${label(name)}: ${head}, p99 ÷ best peer`, value: figure(name, `${what} p99`) / best(`${what} p99`, Math.min), atMost: 0.5 })),
    { what: `${label(name)}: heap of one who waits ÷ best peer`, value: figure(name, 'heap') / best('heap', Math.min), atMost: 0.5 },
  ])
  report('borrowing', {
    title: `Borrowing and giving back, ${SIZE} things in memory`,
    text: `Turns per second, as a ratio to the floor\n\n${table(['pool', ...heads], rates)}\n\nHow long one waited, p99 in µs; heap of one who waits in bytes\n\n${table(['pool', ...heads, 'heap'], waits)}`,
    aims, rounds, out,
    data: { contestants: Object.fromEntries([...measured].map(([name, found]) => [withVersion(name), found])) },
  })
}

/** @param {string} name */
function label(name) {
  return LABELS.get(name) ?? withVersion(name)
}
