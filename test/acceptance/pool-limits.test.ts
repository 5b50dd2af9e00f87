import { describe, expect, it } from 'vitest'
import { evaluate, FOREVER, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const MB = 2 ** 20
/** Resident, and kept. */
const hoard = (megabytes: number): string => `globalThis.hoard = Buffer.alloc(${megabytes} * 2 ** 20, 1); "hoarded"`
const metrics = { every: '50ms' } as const
const size = { max: 3, spare: 0 }

describe('limits.memory', () => {
  it('hard ends a session under its request, with the figures, and no other', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size, metrics, limits: { memory: { hard: '250MB' } } })
    const [greedy, modest] = await Promise.all([pool.acquire({ key: 'greedy' }), pool.acquire({ key: 'modest' })])
    await evaluate(modest, 'globalThis.x = 1')
    const pid = pidOf(pool, greedy)
    const error = await greenroomErrorOf(() => greedy.request({ code: `${hoard(400)}; ${FOREVER}` }))
    expect(error).toMatchObject({ code: 'SESSION_MEMORY_LIMIT', sessionId: greedy.sessionId })
    expect(error.message).toMatch(/it used \d+MB, its hard limit is 250MB \(limits\.memory\.hard\)/)
    expect(greedy.signal.reason).toBe(error)
    await until(() => !isAlive(pid))
    expect(endings.get(greedy.sessionId)).toBe('limit')
    expect(await evaluate(modest, 'x')).toBe(1)
    expect(await pool.use({ key: 'greedy' }, (lease) => evaluate(lease, 'typeof hoard'))).toBe('undefined')
    expect(pool.getPoolStats()).toMatchObject({ crashes: 0, breaker: 'closed' })
  })

  it('soft lets the lease go on, and recycles the session at its release', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size, metrics, limits: { memory: { soft: '200MB' } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    await evaluate(lease, hoard(300))
    await until(() => pool.decisions().some(({ kind, reason }) => kind === 'end' && reason.startsWith('recycle')))
    expect(await evaluate(lease, 'hoard.length')).toBe(300 * MB)
    expect(endings.has(lease.sessionId)).toBe(false)
    lease.release()
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('limit')
    expect(await pool.use({ key: 'k' }, (next) => evaluate(next, 'typeof hoard'))).toBe('undefined')
  })

  it('soft ends an idle session that grows in the background', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size, metrics, limits: { memory: { soft: '200MB', hard: '2GB' } } })
    const lease = await pool.acquire({ key: 'k' })
    await evaluate(lease, `setTimeout(() => { ${hoard(300)} }, 100); 1`)
    lease.release()
    await until(() => endings.get(lease.sessionId) === 'limit')
  })
})

describe('the figures of a pool', () => {
  it('are unknown before they were measured, and real afterwards', async () => {
    const { pool, pids } = await openPool({ driver: 'node-repl', size: { min: 2, max: 2, spare: 0 }, metrics: { every: '200ms' } })
    const before = pool.getPoolStats()
    expect(before).toMatchObject({ measuredSessions: 0, requests: 0, throughputRps: 0 })
    for (const unknown of ['memoryUsage', 'cpuUsage', 'reuseRatio', 'wait', 'start', 'request']) expect(before).not.toHaveProperty(unknown)

    await pool.ready()
    await until(() => pool.getPoolStats().cpuUsage !== undefined)
    const { value } = await pool.request<{ value: { rss: number } }>({ code: 'process.memoryUsage()' }, { key: 'k' })
    const stats = pool.getPoolStats()
    expect(stats).toMatchObject({ size: 2, measuredSessions: 2, requests: 1, started: 2, acquires: { spare: 1 }, reuseRatio: 1 })
    expect(stats.limits).toEqual({ min: 2, max: 2, spare: 0 })
    expect(stats.memoryUsage).toBeGreaterThan(value.rss)
    expect(stats.memoryUsage).toBeLessThan(value.rss * 4)
    for (const times of [stats.wait, stats.start, stats.request]) {
      expect(times!.p50).toBeLessThanOrEqual(times!.p95)
      expect(times!.p95).toBeLessThanOrEqual(times!.p99)
    }
    expect(stats.start!.p50).toBeGreaterThan(5)
    expect(stats.throughputRps).toBeGreaterThan(0)

    const sessions = pool.getSessionMetrics()
    expect(sessions.map(({ pid }) => pid).sort()).toEqual([...pids].sort())
    const [used, unused] = sessions.sort((a, b) => b.requestCount - a.requestCount)
    expect(used).toMatchObject({ requestCount: 1, status: 'idle', tenant: 'default', key: 'k' })
    expect(used).toMatchObject({ memoryUsage: expect.any(Number), cpuUsage: expect.any(Number) })
    expect(unused).toMatchObject({ requestCount: 0, status: 'idle' })
    for (const absent of ['lastUsed', 'tenant', 'key']) expect(unused).not.toHaveProperty(absent)
    expect(used!.lastUsed!.getTime()).toBeGreaterThan(used!.startTime.getTime())
    expect(Math.abs(Date.now() - used!.startTime.getTime())).toBeLessThan(60_000)
  })

  it('stay unknown when nothing is measured', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { min: 1, max: 1 }, metrics: false })
    await pool.ready()
    await pool.request({ code: '1' }, { key: 'k' })
    for (const figures of [pool.getPoolStats(), ...pool.getSessionMetrics()]) {
      for (const unknown of ['memoryUsage', 'cpuUsage']) expect(figures).not.toHaveProperty(unknown)
    }
    expect(pool.getPoolStats().measuredSessions).toBe(0)
  })

  it('count probes and looks at the figures as no use', async () => {
    const often = { every: '20ms' } as const
    const { pool } = await openPool({ driver: 'node-repl', size, health: often, metrics: often, timeouts: { idle: '800ms' } })
    await pool.request({ code: '1' }, { key: 'k' })
    const used = pool.getSessionMetrics()[0]!.lastUsed!.getTime()
    await until(() => {
      const [session] = pool.getSessionMetrics()
      if (!session) return true
      expect(session.requestCount).toBe(1)
      // To the rounding of the two clocks.
      expect(Math.abs(session.lastUsed!.getTime() - used)).toBeLessThanOrEqual(5)
      return false
    })
    expect(pool.getPoolStats()).toMatchObject({ size: 0, requests: 1 })
  })
})

describe('what bounds the life of a session', () => {
  it('maxUses: it is ended after as many leases', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, maxUses: 2 })
    const ids: string[] = []
    for (let n = 0; n < 4; n++) await pool.use({ key: 'k' }, ({ sessionId }) => void ids.push(sessionId))
    expect([ids[0], ids[2]]).toEqual([ids[1], ids[3]])
    expect(ids[0]).not.toBe(ids[2])
    await until(() => endings.size === 2)
    expect([...endings.values()]).toEqual(['worn', 'worn'])
  })

  it('timeouts.total: it never cuts a lease short', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, timeouts: { total: '700ms' } })
    const lease = await pool.acquire({ key: 'k' })
    expect(await evaluate(lease, 'await new Promise((resolve) => setTimeout(resolve, 900)); "in time"')).toBe('in time')
    expect(endings.has(lease.sessionId)).toBe(false)
    lease.release()
    await until(() => endings.get(lease.sessionId) === 'aged')
  })
})
