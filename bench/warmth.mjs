// How soon the first answer comes: of a process that is started for the caller, of a spare, and of a session that has answered before; and
// of the processes of other pools, after 20 ms of idleness. Run it on the built package: npm run bench -- warmth [--rounds 3 --out FILE]
import { readArguments } from './lib/arguments.mjs'
import { installPeers, withVersion } from './lib/peers.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess, interleave } from './lib/rounds.mjs'

const PEERS = ['workerpool', 'tinypool', 'jest-worker', 'poolifier']

/** @param {readonly string[]} args */
export async function run(args) {
  const { rounds, out } = readArguments(args, 3)
  installPeers()
  const names = ['by hand', 'greenroom', ...PEERS]
  const measured = await interleave(names, rounds, (name) => inOwnProcess(new URL('warmth/measure.mjs', import.meta.url), [name]))
  const figure = (/** @type {string} */ name, /** @type {string} */ what) => measured.get(name)?.figures[what] ?? NaN
  const whats = ['started for the caller', 'a spare', 'later']
  const rows = names.map((name) => [withVersion(name), ...whats.map((what) => amount(figure(name, what)))])
  report('warmth', {
    title: 'From the request to the first answer of a Node program, ms (medians)',
    text: table(['', ...whats], rows),
    aims: [
      { what: 'a spawn by hand ÷ a spare', value: figure('by hand', whats[0] ?? '') / figure('greenroom', 'a spare'), atLeast: 20 },
      { what: 'a spare ÷ a later answer', value: figure('greenroom', 'a spare') / figure('greenroom', 'later'), atMost: 1.3 },
    ],
    rounds, out, data: { contestants: Object.fromEntries([...measured].map(([name, found]) => [withVersion(name), found])) },
  })
}
