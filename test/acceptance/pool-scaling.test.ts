import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openPool } from '../support/real-pool.ts'

const PROGRAM = fileURLToPath(new URL('../fixtures/lines.mjs', import.meta.url))

describe('a pool of real sessions', () => {
  it('starts at most 10 more for 50 tasks of 5 ms on one warm session', async () => {
    const { pool } = await openPool({
      // A cheap program that is slow to start, as those are that one keeps warm.
      driver: {
        use: 'json-lines', command: 'sh', args: ['-c', 'sleep 1; exec "$0" "$1" banner', process.execPath, PROGRAM],
        ready: { match: { type: 'system', subtype: 'ready' } }, terminal: { type: 'result' },
      },
      isolation: 'none', size: { min: 1, max: 50, spare: 1, starting: 50 }, metrics: false,
    })
    await pool.ready()
    const task = (): Promise<unknown> => pool.request({ do: 'later', ms: 5 })
    // What it knows of its leases it has learned from some.
    for (let n = 0; n < 10; n++) await task()
    const before = pool.getPoolStats().started
    await Promise.all(Array.from({ length: 50 }, task))
    expect(pool.getPoolStats().started - before).toBeLessThanOrEqual(10)
  })
})
