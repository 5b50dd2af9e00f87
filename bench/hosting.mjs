// Starting 20 sessions from a host that has much memory in use: how long its event loop is held up, with the keeper and without it.
// Run it on the built package: npm run bench -- hosting [--rounds 3 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const SESSIONS = 20
const MEGABYTES = 1_000

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 3)
  const names = ['greenroom', 'without the keeper']
  const measured = await interleave(names, rounds, (name) =>
    inOwnProcess(new URL('hosting/measure.mjs', import.meta.url), [String(name === 'greenroom'), String(MEGABYTES), String(SESSIONS)]))
  const figure = (/** @type {string} */ name, /** @type {string} */ what) => measured.get(name)?.figures[what] ?? NaN
  report('hosting', {
    title: `A host of ${MEGABYTES} MB starts ${SESSIONS} sessions`,
    text: table(['', 'RSS, MB', 'event loop held up, p99 ms', 'longest ms', 'all ready, ms'],
      names.map((name) => [name, ...['rss', 'p99', 'longest', 'ready'].map((what) => amount(figure(name, what)))])),
    aims: [{ what: 'event loop held up, p99', value: figure('greenroom', 'p99'), unit: 'ms', atMost: 10 }],
    rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
