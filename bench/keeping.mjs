// How often people who come back find their session gone, by evictor: a replay of real conversations. The pool and the evictors are the real ones;
// the sessions are in memory and the clock is virtual, so that days pass in seconds and equal seeds give equal figures. It asserts nothing.
// Run it on the built package: npm run bench -- keeping [--trace FILE --slots 40,80,120 --seeds 5 --only TEXT --out FILE]
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fixedTimeout, withLentSlots } from './keeping/arithmetic.mjs'
import { play } from './keeping/play.mjs'
import { readTrace, spread } from './keeping/trace.mjs'

/** @typedef {import('./keeping/trace.mjs').Conversation} Conversation */

const HOUR = 3_600_000
/** Conversations begin at any time of so many hours. */
const SPAN_HOURS = 8
const EVICTORS = /** @type {const} */ (['lru', 'ttl', 'greedy-dual', 'hybrid-histogram', 'learned', 'oracle'])
const TIMEOUTS_S = [300, 600, 900, 1_800, 3_600]

/**
 * `cold`: share of returns that find their session gone, over all seeds. `fewer`: in how many seeds there are fewer of them than with lru.
 * `lent`: the share without a pool, where nobody waits. `waits`: how many turns had to wait for a place, per seed.
 * @typedef {{ slots: number, cold: number, seeds: number[], waits: number, fewer: number | undefined, lent: number, lentSeeds: number[] }} Cell
 * @typedef {{ name: string, cells: Cell[] }} Row
 */

/**
 * Measures every evictor, the least recently used first: the others are compared with it.
 * @param {readonly Conversation[]} conversations
 * @param {{ slots: readonly number[], seeds: number, only?: string, spanHours?: number, progress?: (text: string) => void }} options
 *   `only`: lru, and those whose name contains it.
 */
export async function measure(conversations, { slots, seeds, only = '', spanHours = SPAN_HOURS, progress = () => {} }) {
  const days = Array.from({ length: seeds }, (_, n) => spread(conversations, { seed: n + 1, spanMs: spanHours * HOUR }))
  /** @type {Row[]} */
  const rows = []
  for (const evictor of EVICTORS.filter((name) => name === 'lru' || name.includes(only))) {
    /** @type {Cell[]} */
    const cells = []
    for (const [column, count] of slots.entries()) {
      const outcomes = []
      for (const [n, day] of days.entries()) outcomes.push(await play(day, { slots: count, seed: n + 1, evictor }))
      const shares = outcomes.map(({ cold, returns }) => cold / returns)
      const lentSeeds = await Promise.all(days.map((day) => withLentSlots(day, count, evictor)))
      const lru = rows[0]?.cells[column]?.seeds
      cells.push({
        slots: count, cold: mean(shares), seeds: shares, waits: mean(outcomes.map(({ waits }) => waits)),
        fewer: lru && shares.filter((share, n) => share < (lru[n] ?? 0)).length,
        lent: mean(lentSeeds), lentSeeds,
      })
      progress(`${evictor}, ${count} slots: ${percent(mean(shares))}`)
    }
    rows.push({ name: evictor, cells })
  }
  const timeouts = TIMEOUTS_S.map((seconds) => ({ seconds, ...fixedTimeout(conversations, seconds * 1_000) }))
  return { rows, timeouts }
}

/** The figures as tables; in brackets, those where nobody waits. @param {Awaited<ReturnType<typeof measure>>} measured */
export function table({ rows, timeouts }) {
  const slots = rows[0]?.cells.map((cell) => cell.slots) ?? []
  const lines = rows.map(({ name, cells }) => `| ${[name, ...cells.map(({ cold, lent }) => `${percent(cold)} (${percent(lent)})`)].join(' | ')} |`)
  return [
    `| cold returns, % | ${slots.map((count) => `${count} slots`).join(' | ')} |`, `|---|${slots.map(() => '---:|').join('')}`, ...lines, '',
    `| kept for a fixed time | ${timeouts.map(({ seconds }) => `${seconds} s`).join(' | ')} |`, `|---|${timeouts.map(() => '---:|').join('')}`,
    `| cold returns, % | ${timeouts.map(({ cold }) => percent(cold)).join(' | ')} |`,
    `| idle ÷ busy | ${timeouts.map(({ idle }) => idle.toFixed(2)).join(' | ')} |`,
  ].join('\n')
}

/** @param {readonly string[]} args */
export async function run(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      trace: { type: 'string', default: process.env['GREENROOM_TRACE'] ?? fileURLToPath(new URL('traces/claude_code_sessions.jsonl', import.meta.url)) },
      // The trace is a part of one whose figures are known at 40, 80 and 120 slots: 60 and 90 are as many for so many conversations as 80 and 120 there.
      slots: { type: 'string', default: '40,60,80,90,120' },
      seeds: { type: 'string', default: '5' }, only: { type: 'string', default: '' }, out: { type: 'string' },
    },
  })
  const conversations = readTrace(values.trace)
  const slots = values.slots.split(',').map(Number)
  const seeds = Number(values.seeds)
  const measured = await measure(conversations, { slots, seeds, only: values.only, progress: (text) => process.stderr.write(`${text}\n`) })
  const turns = conversations.reduce((sum, one) => sum + one.turns.length, 0)
  const about = { conversations: conversations.length, returns: turns - conversations.length, spanHours: SPAN_HOURS, seeds }
  console.log(`${about.conversations} conversations begun within ${SPAN_HOURS} h, ${about.returns} returns, ${seeds} seeds; in brackets: where nobody waits, as one more place is lent\n`)
  console.log(table(measured))
  // What was looked at in part takes no place of what was looked at as a whole.
  const out = values.out ?? (values.only === '' ? fileURLToPath(new URL('results/keeping.json', import.meta.url)) : undefined)
  if (out === undefined) return
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify({ ...about, ...measured }, undefined, 2)}\n`)
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function percent(/** @type {number} */ share) {
  return (share * 100).toFixed(1)
}
