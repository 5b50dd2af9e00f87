// 100 users who each work 5 % of the time: the memory of a process for each, and of a pool that they share. Memory is PSS, which counts what
// processes share once; Linux only. The sessions hold nothing of their users (isolation 'none').
// Run it on the built package: npm run bench -- sharing [--rounds 1 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 1)
  const names = ['a process for each', 'greenroom']
  const measured = await interleave(names, rounds, (name) => inOwnProcess(new URL('sharing/measure.mjs', import.meta.url), [name]))
  const figure = (/** @type {string} */ name, /** @type {string} */ what) => measured.get(name)?.figures[what] ?? NaN
  report('sharing', {
    title: '100 users, each at work 5 % of the time',
    text: table(['', 'processes', 'PSS, MB', 'RSS, MB', 'wait p99, ms', 'requests'],
      names.map((name) => [name, ...['processes', 'pss', 'rss', 'wait', 'requests'].map((what) => amount(figure(name, what)))])),
    aims: [
      { what: 'PSS ÷ that of a process for each', value: figure('greenroom', 'pss') / figure('a process for each', 'pss'), atMost: 0.2 },
      { what: 'wait for a session, p99', value: figure('greenroom', 'wait'), unit: 'ms', atMost: 10 },
    ],
    rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
