// Whether an acquire costs the same however many sessions there are, real Node processes each, and however many keys are known, whose state is
// parked. Run it on the built package: npm run bench -- many [--rounds 1 --sessions 10,1000 --keys 100,100000 --out FILE]
import { parseArgs } from 'node:util'
import { amount, report, table } from './lib/report.mjs'
import { inOwnProcess } from './lib/rounds.mjs'
import { medians } from './lib/statistics.mjs'

/** @param {readonly string[]} args */
export async function run(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '1' }, sessions: { type: 'string', default: '10,1000' }, keys: { type: 'string', default: '100,100000' },
      out: { type: 'string' },
    },
  })
  const kinds = { sessions: values.sessions.split(','), keys: values.keys.split(',') }
  const rounds = Number(values.rounds)
  /** @type {{ kind: string, count: number, figures: Record<string, number> }[]} */
  const found = []
  for (const [kind, counts] of Object.entries(kinds)) {
    /** @type {Map<string, Record<string, number>[]>} */
    const measured = new Map(counts.map((count) => [count, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [count, figures] of measured) {
        figures.push(await inOwnProcess(new URL('many/measure.mjs', import.meta.url), [kind, count], { limitMs: 600_000 }))
      }
    }
    for (const [count, figures] of measured) found.push({ kind, count: Number(count), figures: medians(figures) })
  }
  const patterns = Object.keys(found[0]?.figures ?? {}).filter((name) => !name.startsWith('ready'))
  const aims = Object.keys(kinds).flatMap((kind) => {
    const [least, most] = [found.find((row) => row.kind === kind), found.findLast((row) => row.kind === kind)]
    return patterns.filter((pattern) => least?.figures[pattern] !== undefined).map((pattern) => ({
      what: `${pattern}: ${most?.count.toLocaleString('en')} ÷ ${least?.count.toLocaleString('en')} ${kind}`,
      value: (most?.figures[pattern] ?? NaN) / (least?.figures[pattern] ?? NaN), atMost: 1.3,
    }))
  })
  report('many', {
    title: 'An acquire and its release, µs of CPU',
    text: table(['', ...patterns, 'ready after, s'], found.map(({ kind, count, figures }) =>
      [`${count.toLocaleString('en')} ${kind}`, ...patterns.map((pattern) => amount(figures[pattern] ?? NaN)), amount(figures['ready, s'] ?? NaN)])),
    aims, rounds, out: values.out, data: { found },
  })
}
