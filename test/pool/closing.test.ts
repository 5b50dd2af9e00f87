import { describe, expect, it } from 'vitest'
import { rejection, scene, states, watched } from './scene.ts'

const STUBBORN = { goodbye: { ms: Infinity }, eofMs: Infinity, termMs: Infinity, killMs: 10 }

describe('drain', () => {
  it('serves everybody who waits, refuses everybody new, and is over when all leases are', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const lease = await pool.acquire()
    const waiting = watched(pool.acquire())
    const drained = watched(pool.drain())
    const again = watched(pool.drain())
    expect((await rejection(pool.acquire())).code).toBe('POOL_DRAINING')
    expect((await rejection(pool.scale(1))).code).toBe('POOL_DRAINING')
    expect(() => pool.autoScale(false)).toThrow(expect.objectContaining({ code: 'POOL_DRAINING' }))
    expect((await rejection(pool.warm(1))).code).toBe('POOL_DRAINING')
    lease.release()
    await clock.settle()
    expect([waiting.state, drained.state]).toEqual(['resolved', 'pending'])
    expect(pool.getPoolStats().state).toBe('draining')
    waiting.value!.release()
    await clock.settle()
    expect([drained.state, again.state]).toEqual(['resolved', 'resolved'])
  })

  it('is over when the last who waited has given up', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { start: { ms: Infinity } } })
    const controller = new AbortController()
    const waiting = watched(pool.acquire({ signal: controller.signal }))
    const late = watched(pool.acquire({ timeout: 50 }))
    const drained = watched(pool.drain())
    controller.abort()
    await clock.advance(49)
    expect([waiting.code, drained.state]).toEqual(['ACQUIRE_ABORTED', 'pending'])
    await clock.advance(1)
    expect([late.code, drained.state]).toEqual(['ACQUIRE_TIMEOUT', 'resolved'])
  })

  it('is over when the pool is closed', async () => {
    const { pool, clock } = await scene()
    await pool.acquire()
    const drained = watched(pool.drain())
    void pool.close()
    await clock.advance(10_000)
    const after = watched(pool.drain())
    await clock.settle()
    expect([drained.state, after.state]).toEqual(['resolved', 'resolved'])
  })
})

describe('close', () => {
  it('lets leases finish within their grace, and refuses everybody else at once', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 1 } })
    const lease = await pool.acquire()
    await clock.settle()
    const waiting = [1, 2].map((tenant) => watched(pool.acquire({ tenant: `t${tenant}` })))
    const closed = watched(pool.close({ grace: '5s' }))
    await clock.advance(4_000)
    expect(waiting.map(({ code, state }) => code ?? state)).toEqual(['resolved', 'POOL_CLOSED'])
    expect((await rejection(pool.acquire())).code).toBe('POOL_CLOSED')
    expect(await lease.request({ op: 'read' })).toBeDefined()
    lease.release()
    waiting[0]!.value!.release()
    await clock.settle()
    expect(closed.state).toBe('resolved')
    expect(pool.getPoolStats()).toMatchObject({ state: 'closed', size: 0 })
  })

  it('takes leases back when the grace is over', async () => {
    const { pool, clock } = await scene()
    const lease = await pool.acquire()
    const asked = watched(lease.request({ op: 'hang' }))
    const closed = watched(pool.close({ grace: 1_000 }))
    await clock.advance(999)
    expect(asked.state).toBe('pending')
    await clock.advance(1)
    expect(asked.code).toBe('POOL_CLOSED')
    expect(closed.state).toBe('resolved')
  })

  it('is bounded by the grace and three steps, whatever the programs do (INV 17, INV 19)', async () => {
    const { pool, clock, control } = await scene(
      { size: { min: 3, max: 5 }, timeouts: { close: 1_000, start: '1h', settle: '1h' }, health: { every: 100, timeout: '1h' } },
      { capabilities: { ping: true, resetGuarantees: ['conversation', 'permissions', 'background', 'files', 'environment'] }, behaviour: { ...STUBBORN, ping: { ms: Infinity }, reset: { ms: Infinity } } },
    )
    await clock.settle()
    const lease = await pool.acquire()
    const hanging = watched(lease.request({ op: 'hang' }))
    const settling = await pool.acquire()
    settling.release()
    control.behaviour.start = { ms: Infinity }
    watched(pool.scale(5))
    await clock.advance(200)
    expect(new Set(states(pool))).toEqual(new Set(['leased', 'settling', 'checking', 'starting']))
    const closed = watched(pool.close())
    await clock.advance(4_010)
    expect([closed.state, hanging.code]).toEqual(['resolved', 'POOL_CLOSED'])
    expect(control.live).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('counts a process that not even SIGKILL ends as lost, says so, and ends', async () => {
    const { pool, clock, children, problems } = await scene({ size: { min: 1 }, timeouts: { close: 100 } }, { behaviour: { ...STUBBORN, killMs: 30_000 } })
    const closed = watched(pool.close())
    await clock.advance(500)
    expect(closed.state).toBe('resolved')
    expect(problems[0]!.problem).toMatchObject({ message: expect.stringContaining(String(children[0]!.pid)) })
  })

  it('says goodbye first, then SIGTERM, then SIGKILL', async () => {
    const { pool, clock, children } = await scene({ size: { min: 1 }, timeouts: { close: 100 } }, { behaviour: STUBBORN })
    void pool.close({ grace: 0 })
    await clock.advance(99)
    expect(children[0]!.signals).toEqual([])
    await clock.advance(1)
    expect(children[0]!.signals).toEqual(['SIGTERM', 'SIGCONT'])
    await clock.advance(100)
    expect(children[0]!.signals).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL'])
  })

  it('may be called again, needs no sensible grace, and rejects what was promised', async () => {
    const { pool, clock } = await scene({ size: { min: 1, max: 3 } }, { behaviour: { start: { ms: 100 } } })
    const promised = [watched(pool.ready()), watched(pool.scale(3)), watched(pool.warm(2))]
    const closed = [watched(pool.close({ grace: 'soon' as never })), watched(pool.close()), watched(Promise.resolve(pool[Symbol.asyncDispose]()))]
    await clock.advance(20_000)
    expect(closed.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
    expect(promised.map(({ code }) => code)).toEqual(['POOL_CLOSED', 'POOL_CLOSED', 'POOL_CLOSED'])
    expect((await rejection(pool.ready())).code).toBe('POOL_CLOSED')
    expect((await rejection(pool.scale(1))).code).toBe('POOL_CLOSED')
    expect(await pool.closeWhere(() => true)).toBe(0)
  })
})

describe('closeWhere', () => {
  it('ends the sessions meant, leased ones too, and tells how many when they are gone', async () => {
    const { pool, clock, control } = await scene({ size: { spare: 0 } }, { behaviour: { eofMs: 100 } })
    const leased = await pool.acquire({ tenant: 'a' })
    ;(await pool.acquire({ tenant: 'a', key: 'k' })).release()
    const other = await pool.acquire({ tenant: 'b' })
    const closed = watched(pool.closeWhere(({ tenant }) => tenant === 'a'))
    expect(leased.signal.reason).toMatchObject({ code: 'SESSION_ENDED' })
    await clock.advance(99)
    expect(closed.state).toBe('pending')
    await clock.advance(1)
    expect(closed.value).toBe(2)
    expect(other.signal.aborted).toBe(false)
    expect(control.live).toBe(1)
  })

  it('of the session of a key serves who waits for the key from another', async () => {
    const { pool, clock } = await scene()
    const lease = await pool.acquire({ key: 'k' })
    const waiting = watched(pool.acquire({ key: 'k' }))
    await pool.closeWhere(({ key }) => key === 'k')
    await clock.settle()
    expect(waiting.value!.sessionId).not.toBe(lease.sessionId)
  })

  it('ends nothing when the predicate throws', async () => {
    const { pool } = await scene({ size: { min: 2 } })
    await expect(pool.closeWhere(() => {
      throw new Error('mine')
    })).rejects.toThrow('mine')
    expect(states(pool)).toEqual(['idle', 'idle'])
  })
})
