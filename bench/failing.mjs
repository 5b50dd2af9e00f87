// A program that fails at its start, while 50 callers ask again as soon as they are refused, for three seconds: how many starts there are, how
// long the event loop is held up, and what the callers are told. Run it on the built package: npm run bench -- failing [--rounds 3 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 3)
  const names = ['exits with 1', 'is missing']
  const measured = await interleave(names, rounds, (name) => inOwnProcess(new URL('starting/failing.mjs', import.meta.url), [name]))
  const figure = (/** @type {string} */ name, /** @type {string} */ what) => measured.get(name)?.figures[what] ?? NaN
  const whats = Object.keys(measured.get(names[0] ?? '')?.figures ?? {})
  report('failing', {
    title: 'A program that fails at its start, 50 callers who insist',
    text: table(['', ...names], whats.map((what) => [what, ...names.map((name) => amount(figure(name, what)))])),
    aims: names.flatMap((name) => [
      { what: `${name}: starts per second`, value: figure(name, 'starts per second'), unit: '/s', atMost: 5 },
      { what: `${name}: event loop held up, p99`, value: figure(name, 'event loop held up, p99 ms'), unit: 'ms', atMost: 50 },
      { what: `${name}: refusals that don't tell the cause`, value: figure(name, 'refusals without the cause'), unit: '', atMost: 0 },
    ]),
    rounds, out, data: { contestants: Object.fromEntries(measured) },
  })
}
