import { describe, expect, it } from 'vitest'
import { GUARANTEES } from '../../src/contracts/index.ts'
import { notesOf, rejection, scene, states, watched, write } from './scene.ts'

describe("isolation 'tenant'", () => {
  it('never gives a session that served one tenant to another, not even after a reset', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } })
    const a = await pool.acquire({ tenant: 'a' })
    await a.request(write('secret'))
    a.release()
    const b = await pool.acquire({ tenant: 'b' })
    expect(b.sessionId).not.toBe(a.sessionId)
    expect(await notesOf(b)).toEqual([])
    await clock.settle()
    expect(pool.decisions().find(({ kind }) => kind === 'evict')?.sessionId).toBe(a.sessionId)
  })

  it('never gives it to another tenant after an error or in a race for the last place', async () => {
    const { pool, clock, programs } = await scene({ size: { max: 2, spare: 0 } })
    const waiting = ['a', 'b', 'a', 'c', 'b', 'c', 'a'].map((tenant) => watched(pool.use({ tenant }, async (lease) => {
      await lease.request(write(tenant))
      await lease.request({ op: 'fail' }).catch(() => undefined)
      return notesOf(lease)
    })))
    await clock.advance(1_000)
    expect(waiting.map(({ state }) => state)).toEqual(waiting.map(() => 'resolved'))
    for (const { value } of waiting) expect(value).toHaveLength(1)
    for (const { everWritten } of programs) expect(new Set(everWritten).size).toBeLessThanOrEqual(1)
  })

  it('resets a one-off before it is offered again, to its own tenant', async () => {
    const { pool, clock, control } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { reset: { ms: 50 } } })
    const first = await pool.acquire({ tenant: 'a' })
    await first.request(write('secret'))
    first.release()
    expect(states(pool)).toEqual(['settling'])
    const second = watched(pool.acquire({ tenant: 'a' }))
    await clock.advance(49)
    expect(second.state).toBe('pending')
    await clock.advance(1)
    expect(second.value!.sessionId).toBe(first.sessionId)
    expect(second.value!.served).toBe('same-tenant')
    expect(await notesOf(second.value!)).toEqual([])
    expect(control.program(first.sessionId).resets).toBe(1)
  })

  it.each([
    ['fails', { ms: 5, fails: true }],
    ['takes too long', { ms: Infinity }],
  ])('ends a session whose reset %s', async (_what, reset) => {
    const { pool, clock, problems } = await scene({ size: { spare: 0 }, timeouts: { settle: 100 } }, { behaviour: { reset } })
    const lease = await pool.acquire()
    lease.release()
    await clock.advance(100)
    expect(states(pool)).toEqual([])
    expect(pool.decisions().at(-2)).toMatchObject({ kind: 'end', reason: 'reset-failed', sessionId: lease.sessionId })
    expect(problems.map(({ where }) => where)).toEqual([`resetting session ${lease.sessionId}`])
  })

  it.each([
    ['has no reset', {}],
    ['has a reset that guarantees too little', { resetGuarantees: GUARANTEES.slice(1) }],
  ])('ends a one-off whose driver %s', async (_what, capabilities) => {
    const { pool, clock, control } = await scene({ size: { spare: 0 } }, { capabilities })
    const lease = await pool.acquire()
    lease.release()
    await clock.settle()
    expect(states(pool)).toEqual([])
    expect(control.program(lease.sessionId).resets).toBe(0)
  })

  it('takes a reset for enough that guarantees what resetRequires asks for', async () => {
    const { pool, clock } = await scene({ resetRequires: ['files'] }, { capabilities: { resetGuarantees: ['files'] } })
    const lease = await pool.acquire()
    lease.release()
    await clock.settle()
    expect((await pool.acquire()).sessionId).toBe(lease.sessionId)
  })

  it('ends a session that says something while nobody holds it', async () => {
    const { pool, clock, control } = await scene({ size: { spare: 0 } })
    const lease = await pool.acquire({ key: 'k' })
    lease.release()
    control.program(lease.sessionId).say('a late result')
    await clock.settle()
    expect(states(pool)).toEqual([])
    expect(pool.decisions().findLast(({ kind }) => kind === 'end')?.reason).toBe('contaminated')
  })

  it('hands a message nobody asked for to the lease that holds the session', async () => {
    const { pool, control, problems } = await scene()
    const lease = await pool.acquire({ key: 'k' })
    const heard: unknown[] = []
    lease.onMessage(() => {
      throw new Error('a bad listener')
    })
    lease.onMessage((message) => heard.push(message))
    control.program(lease.sessionId).say('news')
    expect(heard).toEqual(['news'])
    expect(problems).toHaveLength(1)
    lease.release()
    expect(() => lease.onMessage(() => undefined)).toThrow(expect.objectContaining({ code: 'LEASE_REVOKED' }))
  })

  it('binds a session once, before its first lease, to tenant and key', async () => {
    const { pool, clock, control } = await scene({}, { capabilities: { bind: true, resetGuarantees: GUARANTEES } })
    const first = await pool.acquire({ tenant: 'a' })
    first.release()
    await clock.settle()
    const second = await pool.acquire({ tenant: 'a', key: 'k' })
    expect(second.sessionId).toBe(first.sessionId)
    expect(control.program(first.sessionId).bindings).toEqual([{ tenant: 'a', key: undefined }])
  })

  it.each([
    ['fails', { ms: 5, fails: true }, 'START_FAILED'],
    ['hangs', { ms: Infinity }, 'START_FAILED'],
  ])('ends a session whose bind %s, and tells the caller', async (_what, bind, code) => {
    const { pool, clock } = await scene({ size: { spare: 0 }, timeouts: { start: 1_000 } }, { capabilities: { bind: true }, behaviour: { bind } })
    const lease = watched(pool.acquire({ tenant: 'a' }))
    await clock.advance(1_000)
    expect(lease.code).toBe(code)
    expect(states(pool)).toEqual([])
  })

  it('lets a bind take no longer than the caller wants to wait', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 } }, { capabilities: { bind: true }, behaviour: { bind: { ms: Infinity }, start: { ms: 50 } } })
    const queued = watched(pool.acquire({ timeout: 100 }))
    await clock.advance(99)
    expect(queued.state).toBe('pending')
    await clock.advance(1)
    expect(queued.code).toBe('ACQUIRE_TIMEOUT')
    await clock.settle()
    expect(states(pool)).toEqual([])
  })

  it('ends a session whose caller gives up while it is bound', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 } }, { capabilities: { bind: true }, behaviour: { bind: { ms: Infinity } } })
    const controller = new AbortController()
    const lease = watched(pool.acquire({ signal: controller.signal }))
    await clock.settle()
    controller.abort()
    await clock.settle()
    expect(lease.code).toBe('ACQUIRE_ABORTED')
    expect(states(pool)).toEqual([])
  })
})

describe('size.perTenant', () => {
  it('bounds what one tenant holds, while others are served', async () => {
    const { pool, clock } = await scene({ size: { max: 5, perTenant: 2, spare: 0 } })
    await pool.acquire({ tenant: 'a' })
    const second = await pool.acquire({ tenant: 'a' })
    const third = watched(pool.acquire({ tenant: 'a' }))
    const other = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(1_000)
    expect([third.state, other.state]).toEqual(['pending', 'resolved'])
    second.release()
    await clock.settle()
    expect(third.value!.sessionId).toBe(second.sessionId)
  })

  it('ends the tenant\'s own least used idle session for its next key', async () => {
    const { pool, clock } = await scene({ size: { max: 5, perTenant: 2, spare: 0 } })
    for (const key of ['old', 'new']) {
      const lease = await pool.acquire({ tenant: 'a', key })
      await clock.advance(10)
      lease.release()
    }
    await pool.acquire({ tenant: 'a', key: 'third' })
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(['new', 'third'])
  })

  it('ends one session for one caller, however often it looks', async () => {
    const { pool, clock } = await scene({ size: { max: 5, perTenant: 3, spare: 0 } }, { behaviour: { eofMs: 2_000 } })
    for (const key of ['k1', 'k2', 'k3']) (await pool.acquire({ tenant: 'a', key })).release()
    const fourth = watched(pool.acquire({ tenant: 'a', key: 'k4' }))
    await clock.advance(500)
    await pool.use({ tenant: 'a', key: 'k3' }, () => undefined)
    await clock.advance(1_500)
    expect(fourth.state).toBe('resolved')
    expect(pool.getSessionMetrics().map(({ key }) => key).sort()).toEqual(['k2', 'k3', 'k4'])
  })

  it('counts the tenant\'s dying sessions', async () => {
    const { pool, clock } = await scene({ size: { max: 5, perTenant: 1, spare: 1 } }, { behaviour: { eofMs: 1_000 } })
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    lease.destroy()
    const next = watched(pool.acquire({ tenant: 'a', key: 'other' }))
    await clock.advance(999)
    expect(next.state).toBe('pending')
    await clock.advance(1)
    expect(next.state).toBe('resolved')
  })

  it('hands the place of a caller who gave up before the gate to the next one', async () => {
    const { pool, clock } = await scene({ size: { perTenant: 1, spare: 0 } })
    const lease = await pool.acquire({ tenant: 'a' })
    const impatient = watched(pool.acquire({ tenant: 'a', timeout: 10 }))
    const patient = watched(pool.acquire({ tenant: 'a' }))
    await clock.advance(10)
    lease.release()
    await clock.settle()
    expect([impatient.code, patient.state]).toEqual(['ACQUIRE_TIMEOUT', 'resolved'])
  })
})

describe("isolation 'none'", () => {
  it('gives one session to any tenant, without a reset', async () => {
    const { pool, control } = await scene({ isolation: 'none', size: { max: 1 } })
    for (const tenant of ['a', 'b', 'c']) await pool.use({ tenant }, (lease) => lease.request(write(tenant)))
    const [session] = pool.getSessionMetrics()
    expect(control.program(session!.sessionId)).toMatchObject({ everWritten: ['a', 'b', 'c'], resets: 0 })
    expect(session!.tenant).toBeUndefined()
  })

  it('keeps a key at its session as long as nobody else needs it', async () => {
    const { pool } = await scene({ isolation: 'none', size: { max: 2, spare: 0 } })
    const first = await pool.acquire({ tenant: 'a', key: 'k' })
    first.release()
    const again = await pool.acquire({ tenant: 'a', key: 'k' })
    expect([again.sessionId, again.served]).toEqual([first.sessionId, 'same-key'])
    again.release()
    const second = await pool.acquire({ tenant: 'b', key: 'k' })
    expect(second.sessionId).toBe(first.sessionId)
    expect(pool.getSessionMetrics()).toMatchObject([{ tenant: 'b', key: 'k' }])
  })

  it('hands a keyed session to whoever waited, be it for the same key of another tenant', async () => {
    const { pool, clock } = await scene({ isolation: 'none', size: { max: 1 } })
    const a = await pool.acquire({ tenant: 'a', key: 'k' })
    const b = watched(pool.acquire({ tenant: 'b', key: 'k' }))
    await clock.settle()
    a.release()
    await clock.settle()
    expect(b.value!.sessionId).toBe(a.sessionId)
    expect(b.value!.tenant).toBe('b')
  })

  it('shares a session between tenants as far as the driver multiplexes', async () => {
    const { pool, clock } = await scene({ isolation: 'none', size: { max: 1 } }, { capabilities: { concurrency: 2 } })
    const one = await pool.acquire({ tenant: 'a' })
    const two = await pool.acquire({ tenant: 'b' })
    expect(two.sessionId).toBe(one.sessionId)
    const three = watched(pool.acquire({ tenant: 'c' }))
    await clock.settle()
    expect(three.state).toBe('pending')
    one.release()
    await clock.settle()
    expect(three.state).toBe('resolved')
  })

  it('offers nobody the place that the second request of a lease has taken', async () => {
    const { pool, clock } = await scene({ isolation: 'none', size: { max: 1 } }, { capabilities: { concurrency: 2 } })
    const one = await pool.acquire()
    const requests = [one.request({ op: 'read', ms: 100 }), one.request({ op: 'read', ms: 200 })]
    const two = watched(pool.acquire())
    await clock.advance(99)
    expect(two.state).toBe('pending')
    await clock.advance(1)
    expect(two.state).toBe('resolved')
    await clock.advance(100)
    await Promise.all(requests)
  })

  it('frees the place of a released lease only when its request has been answered', async () => {
    const { pool, clock } = await scene({ isolation: 'none', size: { max: 1 } }, { capabilities: { concurrency: 2 }, behaviour: { cancelMs: 100 } })
    const one = await pool.acquire()
    const two = await pool.acquire()
    const hanging = watched(one.request({ op: 'hang' }))
    one.release()
    const three = watched(pool.acquire())
    await clock.advance(99)
    expect([hanging.code, three.state]).toEqual(['LEASE_REVOKED', 'pending'])
    expect(await notesOf(two)).toEqual([])
    await clock.advance(1)
    expect(three.state).toBe('resolved')
    await Promise.all([two, three.value!].map(notesOf))
  })

  it('ends a shared session, when its other callers are done, whose released request is never answered', async () => {
    const { pool, clock } = await scene(
      { isolation: 'none', size: { max: 1, spare: 0 }, timeouts: { settle: 500 } },
      { capabilities: { concurrency: 2 }, behaviour: { cancelMs: Infinity } },
    )
    const one = await pool.acquire()
    const two = await pool.acquire()
    watched(one.request({ op: 'hang' }))
    one.release()
    await clock.advance(500)
    expect(await notesOf(two)).toEqual([])
    const next = watched(pool.acquire())
    await clock.settle()
    expect(next.state).toBe('pending')
    two.release()
    await clock.settle()
    expect(next.value!.sessionId).not.toBe(one.sessionId)
  })

  it('tells those who share a session when one of them destroys it', async () => {
    const { pool } = await scene({ isolation: 'none', size: { max: 1 } }, { capabilities: { concurrency: 2 } })
    const one = await pool.acquire()
    const two = await pool.acquire()
    one.destroy('it lies')
    const error = await rejection(two.request({ op: 'read' }))
    expect(error.code).toBe('SESSION_ENDED')
    expect(error.message).toContain('it lies')
  })

  it('takes an idle session of another key when there is no other', async () => {
    const { pool } = await scene({ isolation: 'none', size: { max: 2, spare: 0 } })
    for (const key of ['k1', 'k2']) await pool.use({ key }, () => undefined)
    const lease = await pool.acquire()
    expect(lease.served).toBe('same-tenant')
    expect(pool.getPoolStats().started).toBeLessThanOrEqual(2)
  })
})
