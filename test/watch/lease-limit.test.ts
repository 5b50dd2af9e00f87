import { describe, expect, it } from 'vitest'
import { scene, states, watched } from '../pool/scene.ts'

const CONFIG = { size: { spare: 0 }, timeouts: { active: 10_000, silence: false, idle: false, total: false } } as const
/** Beside what a session's first lease waits for, the time is rounded up to a thousandth. */
const ROUNDED_MS = 10

describe('timeouts.active', () => {
  it('is the time of each lease, whoever had the session before', async () => {
    const { pool, clock } = await scene(CONFIG)
    for (let n = 0; n < 7; n++) {
      const before = await pool.acquire({ key: 'k' })
      await clock.advance(3_000)
      before.release()
    }
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(9_999)
    expect(lease.signal.aborted).toBe(false)
    await clock.advance(1 + ROUNDED_MS)
    expect(lease.signal.reason).toMatchObject({ code: 'LEASE_TIMEOUT' })
    expect(states(pool)).toEqual([])
  })

  it('takes one of several leases of a session back, and gives the session to nobody new', async () => {
    const { pool, clock } = await scene(CONFIG, { capabilities: { concurrency: 2 } })
    const first = await pool.acquire({ key: 'k' })
    await clock.advance(6_000)
    const second = await pool.acquire({ key: 'k' })
    expect(second.sessionId).toBe(first.sessionId)
    await clock.advance(4_000)
    expect([first.signal.aborted, second.signal.aborted]).toEqual([true, false])
    const next = watched(pool.acquire({ key: 'k' }))
    await clock.advance(5_999)
    expect([second.signal.aborted, next.state]).toEqual([false, 'pending'])
    await clock.advance(1 + ROUNDED_MS)
    expect(second.signal.aborted).toBe(true)
    expect(next.value!.sessionId).not.toBe(first.sessionId)
  })

  it('counts for the leases that begin after it was changed, be it shorter or longer', async () => {
    const { pool, clock } = await scene(CONFIG, { capabilities: { concurrency: 3 } })
    const old = await pool.acquire({ key: 'k' })
    await pool.reconfigure({ timeouts: { active: 1_000 } })
    const short = await pool.acquire({ key: 'k' })
    await clock.advance(999)
    expect(short.signal.aborted).toBe(false)
    await clock.advance(1)
    expect([short.signal.aborted, old.signal.aborted]).toEqual([true, false])
    await clock.advance(9_000)
    expect(old.signal.aborted).toBe(true)
    await pool.reconfigure({ timeouts: { active: false } })
    const endless = await pool.acquire({ key: 'k' })
    await clock.advance(1_000_000)
    expect(endless.signal.aborted).toBe(false)
  })
})
