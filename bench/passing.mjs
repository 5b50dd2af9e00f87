// Messages of 1 MB that are passed through and not parsed (`raw: true` of the json-lines driver), beside a hand-written pool of pipes that
// parses them: requests per second, and the CPU of the host for each. The program is `cat`: one that parsed them would be most of what is measured.
// Run it on the built package: npm run bench -- passing [--rounds 3 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const CONTESTANTS = new Map([['pipes-cat', 'a pool of pipes, parsed'], ['greenroom-cat', 'greenroom, parsed'], ['greenroom-raw', 'greenroom, passed through']])
const CONCURRENCIES = [2, 32]
const PROCESSES = 2

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 3)
  const measured = await interleave([...CONTESTANTS.keys()], rounds, (name) =>
    inOwnProcess(new URL('requesting/measure.mjs', import.meta.url), [name, '1000000', CONCURRENCIES.join(), String(PROCESSES), '1000']))
  const figure = (/** @type {string} */ name, /** @type {number} */ concurrency, what = '') =>
    measured.get(name)?.figures[`1000000 B × ${concurrency} on ${PROCESSES}${what}`] ?? NaN
  const rows = [...CONTESTANTS].map(([name, label]) => [
    label, ...CONCURRENCIES.flatMap((concurrency) => [amount(figure(name, concurrency)), amount(figure(name, concurrency, ' cpu'))]),
  ])
  const aims = CONCURRENCIES.flatMap((concurrency) => [
    { what: `${concurrency} at a time: throughput ÷ the pool of pipes`, value: figure('greenroom-raw', concurrency) / figure('pipes-cat', concurrency), atLeast: 2.3 },
    { what: `${concurrency} at a time: the host's CPU ÷ the pool of pipes`, value: figure('greenroom-raw', concurrency, ' cpu') / figure('pipes-cat', concurrency, ' cpu'), atMost: 0.2 },
  ])
  const heads = ['pool', ...CONCURRENCIES.flatMap((concurrency) => [`${concurrency} at a time, requests/s`, "the host's CPU, ms a request"])]
  report('passing', {
    title: `Messages of 1 MB there and back, ${PROCESSES} processes`, text: table(heads, rows), aims, rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
