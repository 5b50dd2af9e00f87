import { describe, expect, it } from 'vitest'
import { rejection, scene, states, watched } from './scene.ts'

const FAILS = { start: { ms: 10, fails: true } }

describe('failing starts', () => {
  it('obey their back-off, so that time passes and nothing storms (INV 7)', async () => {
    const { pool, clock } = await scene({ restart: { maxCrashes: 1_000 } }, { behaviour: { start: { ms: 0, fails: true } } })
    const waiting = watched(pool.acquire({ timeout: '20s' }))
    await clock.advance(20_000)
    expect(waiting.code).toBe('ACQUIRE_TIMEOUT')
    expect(pool.getPoolStats().started).toBeLessThan(40)
  })

  it.each([
    ['rejects', "the program's start failed"], ['exits', 'exited with code 1'], ['unstartable', 'ENOENT'],
  ] as const)('that look like "%s" open the breaker, and everybody who waits for one hears the cause', async (startFailure, cause) => {
    const { pool, clock } = await scene(
      { size: { spare: 0 }, restart: { maxCrashes: 3, cooldown: '10s' } }, { behaviour: { ...FAILS, startFailure } },
    )
    const waiting = [1, 2].map(() => watched(pool.acquire()))
    await clock.advance(2_000)
    for (const { error } of waiting) {
      expect(error).toMatchObject({ code: 'BREAKER_OPEN', cause: { code: 'START_FAILED', message: expect.stringContaining(cause) } })
    }
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'open', waiting: 0, size: 0 })
    expect((await rejection(pool.acquire())).code).toBe('BREAKER_OPEN')
  })

  it('that take too long are ended, with their reason as the cause', async () => {
    const { pool, clock, control } = await scene(
      { timeouts: { start: 500, acquire: 2_000 }, restart: { maxCrashes: 100 } },
      { behaviour: { start: { ms: Infinity }, eofMs: Infinity, termMs: Infinity } },
    )
    const waiting = watched(pool.acquire())
    await clock.advance(2_000)
    expect(waiting.error).toMatchObject({ code: 'ACQUIRE_TIMEOUT', cause: { code: 'START_TIMEOUT' } })
    expect(control.peak).toBeLessThanOrEqual(10)
  })

  it('let one probe try when the cool-down is over, and its success closes the breaker', async () => {
    const { pool, clock, control } = await scene({ size: { spare: 0 }, restart: { maxCrashes: 2, cooldown: 1_000 } }, { behaviour: FAILS })
    const waiting = watched(pool.acquire())
    await clock.advance(500)
    expect(waiting.code).toBe('BREAKER_OPEN')
    await clock.advance(1_000)
    expect(pool.getPoolStats().breaker).toBe('half-open')
    const { started } = pool.getPoolStats()
    control.behaviour.start = { ms: 100 }
    const later = [1, 2, 3].map(() => watched(pool.acquire()))
    await clock.advance(99)
    expect(pool.getPoolStats().started).toBe(started + 1)
    await clock.advance(500)
    expect(later.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
    expect(pool.getPoolStats().breaker).toBe('closed')
    expect(pool.decisions().filter(({ kind }) => kind === 'breaker').map(({ reason }) => reason.split(':')[0])).toEqual(['opened', 'half-open', 'closed'])
  })

  it('open the breaker again when the probe fails too', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 }, restart: { maxCrashes: 2, cooldown: 1_000 } }, { behaviour: FAILS })
    watched(pool.acquire())
    await clock.advance(1_500)
    expect(pool.getPoolStats().breaker).toBe('half-open')
    const { started } = pool.getPoolStats()
    const waiting = watched(pool.acquire())
    await clock.advance(100)
    expect(waiting.code).toBe('BREAKER_OPEN')
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'open', started: started + 1 })
  })

  it('that were begun together are one failure', async () => {
    const { pool, clock } = await scene(
      { size: { min: 8, starting: 8 }, restart: { maxCrashes: 3, initial: 1_000 } }, { behaviour: { start: { ms: 0, fails: true } } },
    )
    await clock.settle()
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'closed', started: 8 })
  })

  it('stay failures when a session that was begun before them is ready late: nobody waits for a start that does not come', async () => {
    const { pool, clock, control } = await scene({ size: { max: 4, spare: 0 }, restart: { maxCrashes: 1, cooldown: '1h' } })
    control.next({ start: { ms: 10, fails: true } }, { start: { ms: 500 } })
    const waiting = ['a', 'b'].map((tenant) => watched(pool.acquire({ tenant })))
    await clock.advance(1_000)
    expect(waiting.map(({ code }) => code)).toEqual(['BREAKER_OPEN', 'BREAKER_OPEN'])
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'open', idleSessions: 1 })
    expect((await pool.acquire({ tenant: 'a' })).served).toBe('spare')
    for (const late of [pool.acquire({ tenant: 'b' }), pool.warm(1), pool.scale(3)]) expect((await rejection(late)).code).toBe('BREAKER_OPEN')
    await clock.advance(3_600_000)
    expect((await pool.acquire({ tenant: 'b' })).served).toBe('started')
    expect(pool.getPoolStats().breaker).toBe('closed')
  })

  it('leave who can be served without a start alone', async () => {
    const { pool, clock, control } = await scene({ size: { max: 3, spare: 0 }, restart: { maxCrashes: 1 } })
    const lease = await pool.acquire({ key: 'k' })
    Object.assign(control.behaviour, FAILS)
    const sameKey = watched(pool.acquire({ key: 'k' }))
    const other = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(100)
    expect([sameKey.state, other.code]).toEqual(['pending', 'BREAKER_OPEN'])
    lease.release()
    await clock.settle()
    expect(sameKey.state).toBe('resolved')
    const again = watched(pool.acquire({ key: 'k' }))
    await clock.settle()
    expect(again.state).toBe('pending')
  })

  it('make ready() reject with the cause', async () => {
    const { pool, clock } = await scene({ size: { min: 1 }, restart: { maxCrashes: 2 } }, { behaviour: FAILS })
    const ready = watched(pool.ready())
    await clock.advance(500)
    expect(ready.error).toMatchObject({ code: 'BREAKER_OPEN', cause: { code: 'START_FAILED' } })
  })

  it('of a session that breaks the protocol in its handshake say so', async () => {
    const { pool, clock, programs } = await scene({ size: { spare: 0 }, restart: { maxCrashes: 1 } }, { behaviour: { start: { ms: 100 } } })
    const waiting = watched(pool.acquire())
    await clock.settle()
    programs[0]!.break(new Error('not my protocol'))
    await clock.settle()
    expect(waiting.error).toMatchObject({ code: 'BREAKER_OPEN', cause: { code: 'START_FAILED', message: expect.stringContaining('not my protocol') } })
  })

  it.each([
    ['dies', (program: { child: { crash(): void } }) => program.child.crash()],
    ['breaks the protocol', (program: { break(): void }) => program.break()],
  ])('are noticed in the very moment of readiness: a session that %s then is never lent', async (_what, act) => {
    for (let jobs = 0; jobs < 12; jobs++) {
      const { pool, clock, programs } = await scene({ size: { spare: 0 } }, { behaviour: { start: { ms: 10 } } })
      const waiting = watched(pool.acquire({ timeout: 5_000 }))
      await clock.advance(9)
      // The start's timer is due next; so many promise jobs later it happens.
      clock.setTimer(() => {
        let job = Promise.resolve()
        for (let index = 0; index < jobs; index++) job = job.then(() => undefined)
        void job.then(() => act(programs[0]!))
      }, 1)
      await clock.advance(1)
      const lent = waiting.value
      if (lent) expect(lent.sessionId === programs[0]!.sessionId && !lent.signal.aborted, `${jobs} jobs later`).toBe(false)
      expect(pool.getSessionMetrics().filter(({ sessionId, status }) => sessionId === programs[0]!.sessionId && status !== 'ending')).toEqual([])
    }
  })
})

describe('crashes', () => {
  it('of all sessions at once: everybody who waits is served by their replacements, unasked (INV 30)', async () => {
    const { pool, clock, children } = await scene({ size: { max: 4, min: 4 } }, { behaviour: { start: { ms: 20 } } })
    await clock.advance(20)
    for (let index = 0; index < 4; index++) void pool.acquire()
    await clock.settle()
    const waiting = Array.from({ length: 4 }, () => watched(pool.acquire()))
    await clock.advance(10)
    for (const child of children) child.crash('SIGKILL')
    await clock.advance(500)
    expect(waiting.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved', 'resolved'])
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'closed', crashes: 4 })
  })

  it('of idle sessions concern nobody, and they are replaced (INV 29)', async () => {
    const { pool, clock, children } = await scene({ size: { min: 2 } })
    for (const child of children) child.crash()
    await clock.advance(500)
    expect(states(pool)).toEqual(['idle', 'idle'])
    const lease = await pool.acquire()
    expect(await lease.request({ op: 'read' })).toBeDefined()
  })

  it('never let more processes live than size.max, dying ones included (INV 9)', async () => {
    const { pool, clock, control } = await scene({ size: { max: 2 } }, { behaviour: { eofMs: 300 } })
    for (let round = 0; round < 10; round++) {
      for (const tenant of ['a', 'b', 'c']) watched(pool.use({ tenant }, (lease) => lease.destroy()))
      await clock.advance(200)
    }
    await clock.advance(10_000)
    expect(control.peak).toBe(2)
    expect(pool.getPoolStats().waiting).toBe(0)
  })
})
