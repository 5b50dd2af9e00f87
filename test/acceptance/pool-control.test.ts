import { describe, expect, it } from 'vitest'
import { createPool, type PoolConfig } from 'greenroom'
import { evaluate, FOREVER, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

/** The quickest real session there is. */
const ECHO: PoolConfig['driver'] = { use: 'json-lines', command: 'cat' }

describe('pool.scale', () => {
  it('resolves when the pool has that size, up and down, and turns automatic scaling off', async () => {
    const { pool, pids } = await openPool({ driver: ECHO, size: { max: 8 } })
    await pool.scale(5)
    expect(pool.getPoolStats()).toMatchObject({ size: 5, idleSessions: 5, scaling: { automatic: false, target: 5, reason: 'set by hand' } })
    await pool.scale(2)
    expect(pool.getPoolStats()).toMatchObject({ size: 2, idleSessions: 2, scaling: { target: 2 } })
    expect([...pids].filter(isAlive)).toHaveLength(2)
    await pool.scale(0)
    expect([...pids].filter(isAlive)).toEqual([])
    expect(pool.decisions().filter(({ kind }) => kind === 'scale').map(({ reason }) => reason.replace(/^\d+ → /, ''))).toEqual(
      expect.arrayContaining(['5: set by hand', '2: set by hand', '0: set by hand']),
    )
  })

  it('replaces what dies, and starts no more for callers who wait', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 8 } })
    await pool.scale(2)
    const lease = await pool.acquire({ key: 'a' })
    process.kill(pidOf(pool, lease), 'SIGKILL')
    await until(() => pool.getPoolStats().crashes === 1 && pool.getPoolStats().idleSessions === 2)
    const leases = await Promise.all(['b', 'c'].map((key) => pool.acquire({ key })))
    expect((await greenroomErrorOf(() => pool.acquire({ key: 'd', timeout: '200ms' }))).code).toBe('ACQUIRE_TIMEOUT')
    expect(pool.getPoolStats().size).toBe(2)
    for (const one of leases) one.release()
  })

  it('never ends a session that somebody holds: it waits for the release', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 8 } })
    const leases = await Promise.all(['a', 'b', 'c'].map((key) => pool.acquire({ key })))
    let reached = false
    const scaling = pool.scale(1).then(() => (reached = true))
    await until(() => pool.getPoolStats().size === 3)
    for (const [n, lease] of leases.entries()) expect(await lease.request({ n })).toEqual({ n })
    expect(reached).toBe(false)
    for (const lease of leases) lease.release()
    await scaling
    expect(pool.getPoolStats()).toMatchObject({ size: 1, activeSessions: 0 })
  })

  it('refuses sizes that are not between min and max, and tells an earlier call that it was replaced', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { min: 1, max: 4 } })
    for (const size of [0, 5, -1, 1.5, NaN]) expect((await greenroomErrorOf(() => pool.scale(size))).code).toBe('ARGUMENT_INVALID')
    expect(pool.getPoolStats().scaling.automatic).toBe(true)
    const first = greenroomErrorOf(() => pool.scale(4))
    const second = greenroomErrorOf(() => pool.scale(3))
    pool.autoScale(true)
    expect([(await first).code, (await second).code]).toEqual(['SCALE_SUPERSEDED', 'SCALE_SUPERSEDED'])
  })
})

describe('pool.autoScale', () => {
  it('off keeps the size of the moment; on follows demand again', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 8, spare: 2 } })
    await until(() => pool.getPoolStats().idleSessions === 2)
    pool.autoScale(false)
    expect(pool.getPoolStats().scaling).toMatchObject({ automatic: false, target: 2 })
    const leases = await Promise.all(['a', 'b'].map((key) => pool.acquire({ key })))
    const waiting = pool.acquire({ key: 'c' })
    await until(() => pool.getPoolStats().waiting === 1)
    expect(pool.getPoolStats().size).toBe(2)
    pool.autoScale(true)
    leases.push(await waiting)
    await until(() => pool.getPoolStats().idleSessions === 2)
    expect(pool.getPoolStats()).toMatchObject({ size: 5, activeSessions: 3, scaling: { automatic: true } })
    for (const lease of leases) lease.release()
    expect(() => pool.autoScale('yes' as never)).toThrowError(expect.objectContaining({ code: 'ARGUMENT_INVALID' }))
  })

  it('lets spares that nobody wanted go after timeouts.idle, down to min', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { min: 1, max: 8, spare: 0 }, timeouts: { idle: '300ms' } })
    await pool.scale(4)
    pool.autoScale(true)
    await until(() => pool.getPoolStats().size === 1)
    expect(pool.getPoolStats()).toMatchObject({ idleSessions: 1, started: 4 })
  })
})

describe('pool.warm', () => {
  it('resolves to how many spares are ready, as far as max allows', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 6, spare: 0 } })
    expect(await pool.warm(0)).toBe(0)
    expect(await pool.warm(2)).toBe(2)
    expect(pool.getPoolStats()).toMatchObject({ size: 2, idleSessions: 2 })
    const [some, others] = await Promise.all([pool.warm(3), pool.warm(30)])
    expect(some + others).toBe(4)
    expect(pool.getPoolStats()).toMatchObject({ size: 6, idleSessions: 6 })
    expect(await pool.warm(1)).toBe(0)
    const lease = await pool.acquire()
    expect(lease.served).toBe('spare')
    lease.release()
    for (const count of [-1, 0.5, NaN]) expect((await greenroomErrorOf(() => pool.warm(count))).code).toBe('ARGUMENT_INVALID')
  })
})

describe('pool.closeWhere', () => {
  it('ends the chosen sessions, leased ones too, resolves to their number when they are gone, and leaves the others', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 6, spare: 0 } })
    const [held, idle, other] = await Promise.all([
      pool.acquire({ tenant: 'acme', key: '1' }), pool.acquire({ tenant: 'acme', key: '2' }), pool.acquire({ tenant: 'globex', key: '1' }),
    ])
    const pids = [pidOf(pool, held), pidOf(pool, idle)]
    await evaluate(other, 'globalThis.x = 1')
    idle.release()
    const request = greenroomErrorOf(() => held.request({ code: FOREVER }))
    expect(await pool.closeWhere(({ tenant }) => tenant === 'acme')).toBe(2)
    expect((await request).code).toBe('SESSION_ENDED')
    expect(pids.filter(isAlive)).toEqual([])
    expect(await evaluate(other, 'x')).toBe(1)
    other.release()
    expect(await pool.closeWhere(() => false)).toBe(0)
    expect(await pool.use({ tenant: 'acme', key: '1' }, (lease) => evaluate(lease, 'typeof x'))).toBe('undefined')
  })
})

describe('waiting', () => {
  it('is first come, first served, within the time and the number that are allowed', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 1, spare: 0 }, queue: { max: 3 } })
    const holder = await pool.acquire({ tenant: 'a' })
    const served: number[] = []
    const first = pool.use({ tenant: 'b' }, () => void served.push(1))
    const impatient = greenroomErrorOf(() => pool.acquire({ tenant: 'c', timeout: '50ms' }))
    const caller = new AbortController()
    const aborted = greenroomErrorOf(() => pool.acquire({ tenant: 'd', signal: caller.signal }))
    const full = await greenroomErrorOf(() => pool.acquire({ tenant: 'e' }))
    expect(full).toMatchObject({ code: 'QUEUE_FULL', pool: { total: 1, active: 1, idle: 0, waiting: 3 } })
    caller.abort(new Error('went home'))
    expect(await aborted).toMatchObject({ code: 'ACQUIRE_ABORTED', cause: { message: 'went home' } })
    expect(await impatient).toMatchObject({ code: 'ACQUIRE_TIMEOUT', pool: { total: 1 } })
    const second = pool.use({ tenant: 'f' }, () => void served.push(2))
    holder.release()
    await Promise.all([first, second])
    expect(served).toEqual([1, 2])
    expect(pool.getPoolStats()).toMatchObject({ refusals: 3, waiting: 0, started: 3 })
  })

  it('of a caller whose signal was aborted before is refused, and starts no work', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 1, spare: 0 } })
    expect((await greenroomErrorOf(() => pool.acquire({ signal: AbortSignal.abort() }))).code).toBe('ACQUIRE_ABORTED')
    await new Promise((resolve) => setImmediate(resolve))
    expect(pool.getPoolStats().started).toBe(0)
  })

  it('within size.perTenant leaves room for the other tenants', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 4, perTenant: 2, spare: 0 } })
    const leases = await Promise.all([1, 2].map(() => pool.acquire({ tenant: 'greedy' })))
    const third = pool.acquire({ tenant: 'greedy' })
    expect(await pool.request({ n: 1 }, { tenant: 'modest' })).toEqual({ n: 1 })
    expect(pool.getPoolStats().waiting).toBe(1)
    leases[0]!.release()
    expect((await third).tenant).toBe('greedy')
  })

  it('with wrong arguments is refused by name', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 1, spare: 0 } })
    const wrong = [['tenant', { tenant: '' }], ['key', { key: 7 }], ['priority', { priority: NaN }], ['soon', { timeout: 'soon' }]] as const
    for (const [what, options] of wrong) {
      const error = await greenroomErrorOf(() => pool.acquire(options as never))
      expect([error.code, error.message]).toEqual(['ARGUMENT_INVALID', expect.stringContaining(what)])
    }
    expect((await greenroomErrorOf(() => pool.use({} as never))).code).toBe('ARGUMENT_INVALID')
  })
})

describe('pool.drain', () => {
  it('admits nobody new, serves those who waited, and resolves when every lease is over', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 1, spare: 0 } })
    const holder = await pool.acquire({ key: 'k' })
    const waiting = pool.request({ n: 1 }, { key: 'k' })
    let drained = false
    const draining = pool.drain().then(() => (drained = true))
    expect(pool.getPoolStats().state).toBe('draining')
    for (const late of [() => pool.acquire({ key: 'k' }), () => pool.scale(1), () => pool.warm(1)]) {
      expect((await greenroomErrorOf(late)).code).toBe('POOL_DRAINING')
    }
    expect(await holder.request({ n: 0 })).toEqual({ n: 0 })
    expect(drained).toBe(false)
    holder.release()
    expect(await waiting).toEqual({ n: 1 })
    await draining
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 0, waiting: 0 })
  })
})

describe('pool.close', () => {
  it('turns away those who wait, lets leases finish within the grace, and leaves nothing', async () => {
    const { pool, pids } = await openPool({ driver: 'node-repl', size: { min: 2, max: 2, spare: 0 } })
    const [working, other] = await Promise.all([pool.acquire({ key: 'a' }), pool.acquire({ key: 'b' })])
    const answer = evaluate(working, 'await new Promise((resolve) => setTimeout(resolve, 200)); "done"')
    const waiting = greenroomErrorOf(() => pool.acquire({ key: 'c' }))
    const closing = pool.close({ grace: '20s' })
    expect((await waiting).code).toBe('POOL_CLOSED')
    expect(await answer).toBe('done')
    expect(pool.getPoolStats().activeSessions).toBe(2)
    working.release()
    other.release()
    await closing
    expect([...pids].filter(isAlive)).toEqual([])
    expect(pool.getPoolStats()).toMatchObject({ state: 'closed', size: 0 })
  })

  it('ends leases that outlast the grace, with POOL_CLOSED', async () => {
    const { pool, pids } = await openPool({ driver: 'node-repl', size: { max: 1 } })
    const lease = await pool.acquire()
    const request = greenroomErrorOf(() => lease.request({ code: FOREVER }))
    await pool.close({ grace: '50ms' })
    expect((await request).code).toBe('POOL_CLOSED')
    expect(lease.signal.aborted).toBe(true)
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it('while sessions start ends those, too', async () => {
    const { pool, pids } = await openPool({ driver: 'node-repl', size: { min: 4, max: 4 } })
    const ready = greenroomErrorOf(() => pool.ready())
    await until(() => pids.size > 0)
    await pool.close()
    expect((await ready).code).toBe('POOL_CLOSED')
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it('may be called twice, and refuses everything afterwards', async () => {
    const { pool } = await openPool({ driver: ECHO, size: { max: 1 } })
    await Promise.all([pool.close(), pool.close()])
    const calls = [() => pool.acquire(), () => pool.request({}), () => pool.scale(1), () => pool.warm(1), () => pool.autoScale(true)]
    for (const late of calls) expect((await greenroomErrorOf(late)).code).toBe('POOL_CLOSED')
    await pool.drain()
    expect(await pool.closeWhere(() => true)).toBe(0)
  })

  it('comes with the end of the scope of `await using`', async () => {
    let pid = 0
    {
      await using pool = await createPool({ driver: ECHO, size: { max: 1 } })
      pid = await pool.use({ key: 'k' }, (lease) => pidOf(pool, lease))
      expect(isAlive(pid)).toBe(true)
    }
    expect(isAlive(pid)).toBe(false)
  })
})

describe('pool.ready', () => {
  it('resolves when size.min sessions are ready', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { min: 3, max: 5, spare: 0 } })
    await pool.ready()
    expect(pool.getPoolStats()).toMatchObject({ size: 3, idleSessions: 3, started: 3 })
  })
})
