// What it costs the host to watch many sessions: measured once a second, and asked every 30 seconds whether they are well. CPU of the host
// process in percent of one core, and how long its event loop is held up. The sessions are real processes that sleep between questions. By hand,
// the same processes are measured by pidusage once a second without a pool, and asked nothing.
// Run it on the built package: npm run bench -- watch [--sessions 100,1000 --seconds 32 --metrics NAME … --all --out FILE]; --all: with each sampler, and none.
import { parseArgs } from 'node:util'
import { UsageError } from './lib/arguments.mjs'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess } from './lib/rounds.mjs'
import { BY_HAND } from './watching/by-hand.mjs'

/** Percent of a core, by the number of sessions. */
const AIMS = new Map([[100, 0.5], [1_000, 3]])
const SAMPLERS = ['pidusage', 'procfs', 'procfs, no probes', 'procfs, without PSS', 'none', BY_HAND]

/** @param {readonly string[]} args */
export async function run(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sessions: { type: 'string', default: '100,1000' }, seconds: { type: 'string', default: '32' },
      metrics: { type: 'string', multiple: true, default: ['pidusage', 'procfs', BY_HAND] }, all: { type: 'boolean', default: false }, out: { type: 'string' },
    },
  })
  const { seconds, out } = values
  const unknown = values.metrics.find((name) => !SAMPLERS.includes(name))
  if (unknown !== undefined) throw new UsageError(`--metrics ${unknown}: choose among ${SAMPLERS.join(' | ')}`)
  const numbers = values.sessions.split(',').map(Number)
  /** @type {{ sessions: number, metrics: string, figures: Record<string, number> }[]} */
  const found = []
  for (const metrics of values.all ? SAMPLERS : values.metrics) {
    for (const sessions of numbers) {
      // One after the other: whose process is whose is read off all processes of the machine, those of the other pool too.
      const figures = await inOwnProcess(new URL('watching/measure.mjs', import.meta.url), [String(sessions), seconds, metrics], { limitMs: 600_000 })
      found.push({ sessions, metrics, figures })
    }
  }
  const rows = found.map(({ sessions, metrics, figures }) =>
    [`${sessions.toLocaleString('en')}, ${metrics}`, ...['cpu', 'p99', 'longest', 'measured'].map((name) => amount(figures[name] ?? NaN))])
  report('watch', {
    title: `Watching sessions for ${seconds} s`,
    text: table(['sessions, metrics', 'CPU of the host, % of a core', 'event loop held up, p99 ms', 'longest ms', 'sessions measured'], rows),
    aims: found.filter(({ metrics, sessions }) => metrics === SAMPLERS[0] && AIMS.has(sessions)).map(({ sessions, figures }) =>
      ({ what: `${sessions.toLocaleString('en')} sessions: CPU of the host`, value: figures['cpu'] ?? NaN, unit: '%', atMost: AIMS.get(sessions) ?? NaN })),
    rounds: 1, out, data: { seconds: Number(seconds), found },
  })
}
