import { describe, expect, it } from 'vitest'
import { measure, table } from '../../bench/keeping.mjs'
import { fixedTimeout } from '../../bench/keeping/arithmetic.mjs'
import { parseTrace, readTrace } from '../../bench/keeping/trace.mjs'
import { seededRandom } from '../../src/kernel/system-random.ts'

/** A log of conversations: half of them of people who come back after a minute, the others after a quarter of an hour, each now and then much later. */
function log(conversations: number): string {
  const random = seededRandom(5)
  const lines: object[] = []
  for (let n = 0; n < conversations; n++) {
    let t = 0
    for (let turn = 0; turn < 8; turn++) {
      lines.push({ session: `s${n}`, t, api_time: 5, stop: 'tool_use' }, { session: `s${n}`, t: t + 10, api_time: 5, stop: 'end_turn' })
      t += 15 + (n % 2 === 0 ? 60 : 900) * (0.5 + random.next())
    }
    lines.push({ session: `s${n}/agent`, parent: `s${n}`, t: 3, api_time: 4, stop: 'end_turn' })
  }
  return lines.map((line) => JSON.stringify(line)).join('\n')
}

describe('the benchmark keeping', () => {
  it('reads the turns of a log: from the first request to the end of the last, without those of sub-agents', () => {
    const [first, ...rest] = parseTrace(log(3))
    expect(rest).toHaveLength(2)
    expect(first!.turns).toHaveLength(8)
    expect(first!.turns[0]).toEqual({ afterMs: 0, ms: 15_000 })
    expect(first!.turns[1]!.afterMs).toBeGreaterThan(30_000)
    expect(() => readTrace('/nowhere/trace.jsonl')).toThrow('--trace FILE')
  })

  it('finds the pool where arithmetic has it, with every evictor, and learned between lru and the oracle', async () => {
    const { rows, timeouts } = await measure(parseTrace(log(40)), { slots: [10], seeds: 1, spanHours: 0.5 })
    const cold = Object.fromEntries(rows.map(({ name, cells }) => [name, cells[0]!.cold]))
    expect(Object.keys(cold)).toEqual(['lru', 'ttl', 'greedy-dual', 'hybrid-histogram', 'learned', 'oracle'])
    for (const { cells: [cell] } of rows) expect(Math.abs(cell!.cold - cell!.lent)).toBeLessThan(0.05)
    expect(cold['oracle']).toBeLessThan(cold['learned']!)
    expect(cold['learned']).toBeLessThan(cold['lru']!)
    expect(table({ rows, timeouts }).split('\n')).toHaveLength(2 + 6 + 5)
  })

  it('is the same every time', async () => {
    const once = () => measure(parseTrace(log(8)), { slots: [3], seeds: 1, only: 'learned', spanHours: 0.2 })
    const [first, second] = [await once(), await once()]
    expect(first.rows.map(({ name }) => name)).toEqual(['lru', 'learned'])
    expect(second).toEqual(first)
  })

  it('says what a fixed time would do', () => {
    const conversations = [{ key: 'k', turns: [{ afterMs: 0, ms: 100 }, { afterMs: 50, ms: 100 }, { afterMs: 500, ms: 200 }] }]
    expect(fixedTimeout(conversations, 100)).toEqual({ cold: 0.5, idle: (50 + 100 + 100) / 400 })
  })
})
