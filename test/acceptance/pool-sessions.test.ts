import type { ReplResult } from 'greenroom/plugins/drivers/node-repl'
import { describe, expect, it } from 'vitest'
import { evaluate, isAlive, markOf, openPool, pidOf, processesMarked, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const HUNDRED = Array.from({ length: 100 }, (_, n) => n)
const valueOf = (result: unknown): unknown => (result as ReplResult).value

describe('a pool of interpreters', () => {
  it('leases a hundred at once, each with a state of its own, and leaves nothing behind', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 100 }, timeouts: { acquire: '100s', start: '100s' } })
    const { pool, pids } = real
    const who = (n: number) => ({ tenant: `t${n % 7}`, key: `k${n}` })
    const leases = await Promise.all(HUNDRED.map((n) => pool.acquire(who(n))))
    expect(new Set(leases.map(({ sessionId }) => sessionId)).size).toBe(100)
    expect(pool.getPoolStats()).toMatchObject({ size: 100, activeSessions: 100, idleSessions: 0, waiting: 0 })

    const inside = await Promise.all(leases.map((lease, n) => evaluate(lease, `globalThis.mine = ${n}; process.pid`)))
    expect(inside).toEqual(leases.map((lease) => pidOf(pool, lease)))
    expect(new Set(inside).size).toBe(100)
    expect(await Promise.all(leases.map((lease) => evaluate(lease, 'mine * 3')))).toEqual(HUNDRED.map((n) => n * 3))

    for (const lease of leases) lease.release()
    const again = await Promise.all(HUNDRED.map((n) => pool.request({ code: 'mine' }, who(n))))
    expect(again.map(valueOf)).toEqual(HUNDRED)
    expect(pool.getPoolStats()).toMatchObject({ size: 100, activeSessions: 0, started: 100, crashes: 0, requests: 300 })
    expect(pool.getPoolStats().acquires.sameKey).toBe(100)
    expect(pool.getSessionMetrics().every(({ status, requestCount }) => status === 'idle' && requestCount === 3)).toBe(true)

    const marks = new Set([...pids].map((pid) => markOf(pid)!))
    expect(marks.size).toBe(100)
    await pool.close()
    expect(processesMarked(marks)).toEqual([])
    expect([...pids].filter(isAlive)).toEqual([])
    expect(pool.getPoolStats()).toMatchObject({ size: 0, state: 'closed' })
  }, 120_000)

  it('gives the same key of two tenants two processes, and neither ever sees the other', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 } })
    const { pool, pids } = real
    await pool.request({ code: 'globalThis.secret = "of a"' }, { tenant: 'a', key: 'k' })
    expect(valueOf(await pool.request({ code: 'typeof secret' }, { tenant: 'b', key: 'k' }))).toBe('undefined')
    await pool.request({ code: 'globalThis.secret = "of b"' }, { tenant: 'b', key: 'k' })
    expect(valueOf(await pool.request({ code: 'secret' }, { tenant: 'a', key: 'k' }))).toBe('of a')
    expect(valueOf(await pool.request({ code: 'secret' }, { tenant: 'b', key: 'k' }))).toBe('of b')
    expect(pids.size).toBe(2)
  })

  it('lets one tenant take the room of another by ending its session, never by taking it over', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    const { pool, pids, endings } = real
    for (const tenant of ['a', 'b', 'a', 'b']) {
      const left = await pool.request({ code: '[typeof trace, globalThis.trace = 1]' }, { tenant, key: 'k' })
      expect(valueOf(left)).toEqual(['undefined', 1])
    }
    expect(pids.size).toBe(4)
    expect([...endings.values()]).toEqual(['evicted', 'evicted', 'evicted'])
  })

  it('never hands a one-off on as it was', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 3 } })
    const { pool, endings } = real
    for (let n = 0; n < 5; n++) {
      expect(valueOf(await pool.request({ code: '[typeof trace, globalThis.trace = 1]' }))).toEqual(['undefined', 1])
    }
    await until(() => endings.size === 5)
    expect(new Set(endings.values())).toEqual(new Set(['released']))
  })

  it('hands a session on within its tenant after a reset that the config accepts', async () => {
    const program = `
      let memory = ''
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { set, reset } = JSON.parse(line)
        if (reset) memory = ''
        else if (set) memory = set
        console.log(JSON.stringify({ memory, pid: process.pid }))
      })`
    const real = await openPool({
      driver: {
        use: 'json-lines', command: process.execPath, args: ['-e', program],
        reset: { send: { reset: true }, guarantees: ['conversation'] },
      },
      resetRequires: ['conversation'],
      size: { max: 3, spare: 0 },
    })
    const { pool, pids } = real
    const first = await pool.request({ set: 'mine' }, { tenant: 'a' })
    expect(first).toMatchObject({ memory: 'mine' })
    await until(() => pool.getPoolStats().idleSessions === 1)
    const lease = await pool.acquire({ tenant: 'a' })
    expect(lease.served).toBe('same-tenant')
    expect(await lease.request({})).toEqual({ ...(first as object), memory: '' })
    lease.release()
    expect(await pool.request({}, { tenant: 'b' })).toMatchObject({ memory: '' })
    expect(pids.size).toBe(2)
  })

  it('lets callers of one key wait for each other, in order', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 5 } })
    const { pool } = real
    const add = (n: number): string => `globalThis.seen = [...(globalThis.seen ?? []), ${n}]`
    const work = Array.from({ length: 10 }, (_, n) => pool.request({ code: add(n) }, { key: 'k' }))
    expect(valueOf((await Promise.all(work)).at(-1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(pool.getPoolStats().acquires).toMatchObject({ sameKey: 9 })
  })

  it('serves from a spare, and starts the next one before it is asked for', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 5, spare: 1 } })
    const { pool } = real
    await until(() => pool.getPoolStats().idleSessions === 1)
    const lease = await pool.acquire({ key: 'a' })
    expect(lease.served).toBe('spare')
    await until(() => pool.getPoolStats().idleSessions === 1)
    expect(pool.getPoolStats()).toMatchObject({ size: 2, activeSessions: 1, acquires: { spare: 1, started: 0 }, reuseRatio: 1 })
    lease.release()
  })
})

describe('a lease', () => {
  it('is given back at the end of its scope, of use() and of request(), also when what is between throws', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    const { pool } = real
    const leases: { sessionId: string }[] = []
    await expect((async () => {
      await using lease = await pool.acquire({ key: 'k' })
      leases.push(lease)
      throw new Error('mine')
    })()).rejects.toThrow('mine')
    await expect(pool.use({ key: 'k' }, (lease) => {
      leases.push(lease)
      throw new Error('also mine')
    })).rejects.toThrow('also mine')
    expect(await pool.use({ key: 'k' }, (lease) => (leases.push(lease), evaluate(lease, '6 * 7')))).toBe(42)
    expect((await greenroomErrorOf(() => pool.request({ wrong: 'form' }, { key: 'k' }))).code).toBe('MESSAGE_INVALID')
    expect(new Set(leases.map(({ sessionId }) => sessionId)).size).toBe(1)
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 0, idleSessions: 1, started: 1 })
  })

  it('can do nothing any more when it is over, while the next holder of the session works', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    const { pool } = real
    const stale = await pool.acquire({ key: 'k' })
    stale.release()
    await using current = await pool.acquire({ key: 'k' })
    expect([current.sessionId, current.generation]).toEqual([stale.sessionId, stale.generation + 1])
    stale.release()
    stale.destroy()
    expect((await greenroomErrorOf(() => stale.request({ code: '1' }))).code).toBe('LEASE_REVOKED')
    expect((await greenroomErrorOf(() => stale.stream({ code: '1' }).result)).code).toBe('LEASE_REVOKED')
    expect((await greenroomErrorOf(() => stale.onMessage(() => undefined))).code).toBe('LEASE_REVOKED')
    expect([stale.signal.aborted, current.signal.aborted]).toEqual([true, false])
    expect(await evaluate(current, '1 + 1')).toBe(2)
    expect(pool.getPoolStats().activeSessions).toBe(1)
  })

  it('that is destroyed takes its session with it', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 } })
    const { pool, endings } = real
    const lease = await pool.acquire({ key: 'k' })
    await evaluate(lease, 'globalThis.x = 1')
    const pid = pidOf(pool, lease)
    lease.destroy('it looked strange')
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('destroyed')
    expect(valueOf(await pool.request({ code: 'typeof x' }, { key: 'k' }))).toBe('undefined')
  })

  it('works on one request at a time', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    await using lease = await real.pool.acquire({ key: 'k' })
    const first = evaluate(lease, 'await new Promise((resolve) => setTimeout(resolve, 200)); 1')
    expect((await greenroomErrorOf(() => lease.request({ code: '2' }))).code).toBe('SESSION_BUSY')
    expect(await first).toBe(1)
    expect(await evaluate(lease, '2')).toBe(2)
  })
})
