// SIGKILL of one of eight busy sessions while 100 callers wait: how soon its caller knows, how soon the pool is whole again, and whether every
// request gets its answer or an error. Run it on the built package: npm run bench -- crash [--rounds 5 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 5)
  const measured = await interleave(['greenroom'], rounds, () => inOwnProcess(new URL('starting/crash.mjs', import.meta.url), []))
  const { figures = {} } = measured.get('greenroom') ?? {}
  const figure = (/** @type {string} */ name) => figures[name] ?? NaN
  report('crash', {
    title: 'SIGKILL of one of 8 busy sessions, 100 callers wait',
    text: table(['', ''], Object.entries(figures).map(([name, value]) => [name, amount(value)])),
    aims: [
      { what: "the caller's error", value: figure("the caller's error, ms"), unit: 'ms', atMost: 50 },
      { what: 'capacity back ÷ one start by hand', value: figure('capacity back, ms') / figure('one start by hand, ms'), atMost: 1.2 },
      { what: 'requests that got neither answer nor error', value: figure('requests lost'), unit: '', atMost: 0 },
    ],
    rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
