import { describe, expect, it } from 'vitest'
import { measure, table } from '../../bench/scaling.mjs'

describe('the benchmark scaling', () => {
  it('measures every scaler on every load, and is the same every time', async () => {
    const rows = await measure({ seeds: 1, scale: 0.05 })
    expect(rows).toHaveLength(5 * 4)
    for (const { p99Ms, sessionSeconds } of rows) {
      expect(p99Ms).toBeGreaterThanOrEqual(0)
      expect(sessionSeconds).toBeGreaterThan(0)
    }
    expect(rows.filter(({ settledMs }) => settledMs !== undefined).map(({ load }) => load)).toEqual(Array.from({ length: 5 }, () => 'step'))
    expect(table(rows).split('\n')).toHaveLength(2 + 5 * 4)
    expect(await measure({ seeds: 1, scale: 0.05, only: 'panic' })).toEqual(rows.filter(({ name }) => name === 'panic'))
  })
})
