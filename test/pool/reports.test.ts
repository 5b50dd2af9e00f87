import { describe, expect, it } from 'vitest'
import { LinkedList } from '../../src/contracts/index.ts'
import { createHooks } from '../../src/kernel/hooks.ts'
import { DecisionLog } from '../../src/pool/decision-log.ts'
import { RecentTimes, Statistics } from '../../src/pool/statistics.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { scene, watched } from './scene.ts'

describe('the stats', () => {
  it('say nothing of what was not measured (INV 27)', async () => {
    const { pool } = await scene({ size: { min: 2 } })
    const stats = pool.getPoolStats()
    expect(stats).toMatchObject({ size: 2, measuredSessions: 0, throughputRps: 0, requests: 0 })
    for (const name of ['memoryUsage', 'cpuUsage', 'reuseRatio', 'wait', 'request']) expect(stats).not.toHaveProperty(name)
    expect(pool.getSessionMetrics()[0]).toEqual({ sessionId: expect.any(String), pid: expect.any(Number), startTime: expect.any(Date), requestCount: 0, status: 'idle' })
  })

  it('count how acquires were served, and what that took', async () => {
    const { pool, clock } = await scene({ size: { spare: 1, max: 4 } }, { behaviour: { start: { ms: 100 } } })
    await clock.advance(100)
    ;(await pool.acquire({ key: 'k' })).release() // spare
    ;(await pool.acquire({ key: 'k' })).release() // same key
    const started = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(100)
    started.value!.release()
    await clock.settle()
    await pool.acquire({ tenant: 'b' }) // same tenant
    const { acquires, reuseRatio, wait, start } = pool.getPoolStats()
    expect(acquires).toEqual({ sameKey: 1, sameTenant: 1, spare: 1, resumed: 0, started: 1 })
    expect(reuseRatio).toBe(0.75)
    expect(wait!.p99).toBeGreaterThanOrEqual(99)
    expect(start!.p50).toBeGreaterThanOrEqual(99)
  })

  it('count requests that reached their answer per second, and forget them', async () => {
    const { pool, clock } = await scene()
    const lease = await pool.acquire()
    for (let second = 0; second < 10; second++) {
      for (let request = 0; request < 5; request++) await lease.request({ op: 'read' })
      await lease.request({ op: 'fail' }).catch(() => undefined)
      await clock.advance(1_000)
    }
    expect(pool.getPoolStats().throughputRps).toBeCloseTo(5, 0)
    expect(pool.getPoolStats().requests).toBe(60)
    await clock.advance(12_000)
    expect(pool.getPoolStats().throughputRps).toBe(0)
  })

  it('show each session as it is', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 } })
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    await lease.request({ op: 'read' })
    await clock.advance(50)
    lease.release()
    const [metrics] = pool.getSessionMetrics()
    expect(metrics).toMatchObject({ sessionId: lease.sessionId, tenant: 'a', key: 'k', status: 'idle', requestCount: 1 })
    expect(metrics!.lastUsed!.getTime() - metrics!.startTime.getTime()).toBe(50)
    expect(metrics!.lastUsed!.getTime()).toBe(clock.wallTime())
  })
})

describe('the decisions', () => {
  it('tell what was done, to whom, when and why', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } })
    const began = clock.wallTime()
    await pool.use({ tenant: 'a', key: 'k' }, () => undefined)
    await clock.advance(500)
    const lease = await pool.acquire({ tenant: 'b' })
    await pool.acquire({ tenant: 'c', timeout: 0, signal: AbortSignal.abort() }).catch(() => undefined)
    lease.destroy('bad answer')
    await clock.settle()
    const decisions = pool.decisions()
    expect(decisions.map(({ kind, reason }) => `${kind}: ${reason}`)).toEqual([
      'scale: 0 → 1: 1 waited for', 'start: 1 waited for', 'choose: started', 'evict: made room for another caller', 'end: evicted',
      'start: 1 waited for', 'choose: started', 'refuse: ACQUIRE_ABORTED', expect.stringMatching(/^end: destroyed.*bad answer/), 'scale: 1 → 0: no demand',
    ])
    expect(decisions.find(({ kind }) => kind === 'evict')).toEqual({ at: began + 500, kind: 'evict', reason: 'made room for another caller', sessionId: expect.any(String), tenant: 'a', key: 'k' })
  })

  it('are kept in a ring, oldest first, and told to the hook as they come', () => {
    const clock = new VirtualClock()
    const hooks = createHooks()
    const heard: string[] = []
    hooks.decision.tap('t', ({ reason }) => void heard.push(reason))
    const log = new DecisionLog(clock, hooks)
    for (let index = 0; index < 1_005; index++) log.record('start', () => `n${index}`)
    const read = log.read()
    expect(read).toHaveLength(1_000)
    expect([read[0]!.reason, read.at(-1)!.reason, heard.length]).toEqual(['n5', 'n1004', 1_005])
  })
})

describe('RecentTimes', () => {
  it('forgets what is older than ten minutes, and nothing younger than five', async () => {
    const clock = new VirtualClock()
    const times = new RecentTimes(clock)
    expect(times.percentiles).toBeUndefined()
    times.record(10, clock.now())
    await clock.advance(5 * 60_000 - 1)
    times.record(1_000, clock.now())
    await clock.advance(2)
    expect(times.percentiles!.p50).toBeCloseTo(10, 0)
    await clock.advance(4.9 * 60_000)
    expect(times.percentiles!.p99).toBeGreaterThan(900)
    await clock.advance(10 * 60_000)
    expect(times.percentiles).toBeUndefined()
    times.record(20, clock.now())
    await clock.advance(6 * 60_000)
    times.record(40, clock.now())
    expect(times.percentiles!.p50).toBeCloseTo(20, 0)
  })

  it('measures from a microsecond to a day', () => {
    const clock = new VirtualClock()
    const times = new RecentTimes(clock)
    times.record(-1, clock.now())
    times.record(1e12, clock.now())
    expect(times.percentiles!.p50).toBeLessThan(0.01)
    expect(times.percentiles!.p99).toBeGreaterThan(80_000_000)
  })
})

describe('Statistics', () => {
  it('rate a first second honestly', async () => {
    const clock = new VirtualClock()
    const statistics = new Statistics(clock)
    expect(statistics.throughputRps).toBe(0)
    for (let index = 0; index < 4; index++) statistics.answered(1, clock.now())
    await clock.advance(500)
    expect(statistics.throughputRps).toBe(4)
    await clock.advance(1_500)
    expect(statistics.throughputRps).toBe(2)
  })
})

describe('LinkedList', () => {
  it('keeps the order, and lets members leave from anywhere, once', () => {
    const list = new LinkedList<number>()
    const nodes = [1, 2, 3, 4].map((value) => list.push(value))
    nodes[1]!.leave()
    nodes[1]!.leave()
    expect([...list]).toEqual([1, 3, 4])
    nodes[0]!.leave()
    nodes[3]!.leave()
    expect([list.peek(), list.size]).toEqual([3, 1])
    expect(new LinkedList<number>().remove(nodes[2]!)).toBe(false)
    expect([list.shift(), list.shift(), list.peek(), list.size]).toEqual([3, undefined, undefined, 0])
  })

  it('can be walked while members leave', () => {
    const list = new LinkedList<number>()
    const nodes = [1, 2, 3].map((value) => list.push(value))
    const seen: number[] = []
    for (const value of list) {
      seen.push(value)
      nodes[value - 1]!.leave()
    }
    expect([seen, list.size]).toEqual([[1, 2, 3], 0])
  })
})
