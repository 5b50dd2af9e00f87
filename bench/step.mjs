// 50 callers at once on a pool that has nothing, with a program that takes 150 ms to start: how long until 95 % of them have a session each.
// Beside it: as many processes started by hand, so many at a time. Run it on the built package: npm run bench -- step [--rounds 2 --out FILE]
import { cpus } from 'node:os'
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const CALLERS = 50
const START_MS = 150
/** Processes that are started at a time by hand. */
const WIDTHS = [...new Set([2, 2 * cpus().length, 4 * cpus().length, 16, CALLERS])]

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 2)
  const hands = WIDTHS.map((width) => `by hand, ${width} at a time`)
  const measured = await interleave(['greenroom', ...hands], rounds, (name) => {
    const width = String(WIDTHS[hands.indexOf(name)] ?? 'greenroom')
    return inOwnProcess(new URL('starting/step.mjs', import.meta.url), [width, String(CALLERS), String(START_MS)])
  })
  const ms = (/** @type {string} */ name, what = 'most') => measured.get(name)?.figures[what] ?? NaN
  const best = Math.min(...hands.map((name) => ms(name)))
  const rows = [...measured.keys()].map((name) => [name, amount(ms(name, 'first')), amount(ms(name)), amount(ms(name, 'all')), amount(ms(name) / best)])
  report('step', {
    title: `${CALLERS} callers at once on an empty pool, a start takes ${START_MS} ms`,
    text: table(['', 'first, ms', '95 %, ms', 'all, ms', '95 % ÷ best by hand'], rows),
    aims: [{ what: '95 % of capacity ÷ best by hand', value: ms('greenroom') / best, atMost: 1.2 }],
    rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
