import { describe, expect, it } from 'vitest'
import { createPool, isGreenroomError } from 'greenroom'
import { grown, measureLeaks } from '../../scripts/soak/leases.mjs'
import { withinHang } from '../support/driver-harness.ts'

describe('a hundred real sessions', () => {
  it('serve 300 callers of many tenants and keys while some are killed: everybody gets an answer of their own or an error, and nothing is left', async () => {
    const max = 110
    const pool = await createPool({
      // `cat` answers each line with the same one, which is the last.
      driver: { use: 'json-lines', command: 'cat' }, size: { min: 100, max, spare: 4, starting: 16, perTenant: 30 },
      restart: { maxCrashes: 1_000 }, timeouts: { close: '2s', start: '60s', acquire: '60s' },
    })
    const left: number[] = []
    let peak = 0
    try {
      await withinHang(pool.ready())
      expect(pool.getPoolStats().size).toBeGreaterThanOrEqual(100)
      const crashed: string[] = []
      let answered = 0
      await withinHang(Promise.all(Array.from({ length: 300 }, async (_, caller) => {
        for (let n = 0; n < 5; n++) {
          const lease = await pool.acquire({ tenant: `tenant-${caller % 8}`, ...(caller % 4 > 0 && { key: `key-${caller % 20}` }) })
          try {
            const request = lease.request({ caller, n })
            if ((caller + n) % 50 === 0) process.kill(pool.getSessionMetrics().find(({ sessionId }) => sessionId === lease.sessionId)!.pid!, 'SIGKILL')
            expect(await request).toEqual({ caller, n })
            answered++
          } catch (error) {
            if (!isGreenroomError(error)) throw error
            crashed.push(error.code)
          } finally {
            lease.release()
            peak = Math.max(peak, pool.getPoolStats().size)
          }
        }
      })))
      expect(answered + crashed.length).toBe(1_500)
      expect(new Set(crashed)).toEqual(new Set(['SESSION_CRASHED']))
      expect(answered).toBeGreaterThan(1_400)
      expect(peak).toBeLessThanOrEqual(max)
      left.push(...pool.getSessionMetrics().flatMap(({ pid }) => pid ?? []))
    } finally {
      await pool.close({ grace: 0 })
    }
    for (const pid of left) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
  })
})

describe('thousands of leases', () => {
  it('leave nothing behind: no heap, descriptor, timer or listener', async () => {
    const { before, after } = await measureLeaks({ leases: 10_000 })
    expect(grown(before, after)).toEqual([])
  })
})
