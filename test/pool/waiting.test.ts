import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { rejection, scene, watched } from './scene.ts'

describe('a caller who must wait', () => {
  it('is served first come, first served', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const lease = await pool.acquire()
    const order: string[] = []
    for (const name of ['one', 'two', 'three']) void pool.use(() => void order.push(name))
    await clock.advance(10)
    expect(order).toEqual([])
    lease.release()
    await clock.settle()
    expect(order).toEqual(['one', 'two', 'three'])
  })

  it('is told how full the pool is when its time is over, and receives no session then (INV 10)', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, timeouts: { acquire: 100 } })
    const lease = await pool.acquire()
    const waiting = watched(pool.acquire())
    const patient = watched(pool.acquire({ timeout: '1s' }))
    await clock.advance(100)
    expect(waiting.error).toMatchObject({ code: 'ACQUIRE_TIMEOUT', pool: { total: 1, active: 1, idle: 0 } })
    lease.release()
    await clock.settle()
    expect(patient.state).toBe('resolved')
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 1, waiting: 0, refusals: 1 })
  })

  it('leaves at once when it is aborted, and starts no work (INV 11)', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } })
    const controller = new AbortController()
    const before = watched(pool.acquire({ signal: AbortSignal.abort('no') }))
    await clock.settle()
    expect(before.error).toMatchObject({ code: 'ACQUIRE_ABORTED', cause: 'no' })
    const waiting = watched(pool.acquire({ signal: controller.signal }))
    controller.abort('gone')
    await clock.advance(1_000)
    expect(waiting.error).toMatchObject({ code: 'ACQUIRE_ABORTED', cause: 'gone' })
    expect(pool.getPoolStats().started).toBe(0)
  })

  it('may share its signal with any number of others', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const lease = await pool.acquire()
    const controller = new AbortController()
    const waiting = Array.from({ length: 20 }, () => watched(pool.acquire({ signal: controller.signal })))
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    controller.abort()
    await clock.settle()
    expect(new Set(waiting.map(({ code }) => code))).toEqual(new Set(['ACQUIRE_ABORTED']))
    lease.release()
  })

  it('keeps its place whatever those around it do (INV 14)', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const lease = await pool.acquire()
    const controllers = Array.from({ length: 6 }, () => new AbortController())
    const waiting = controllers.map(({ signal }) => watched(pool.acquire({ signal })))
    for (const index of [4, 0, 5, 2]) controllers[index]!.abort()
    await clock.settle()
    lease.release()
    await clock.settle()
    expect(waiting.map(({ code, state }) => code ?? state)).toEqual([
      'ACQUIRE_ABORTED', 'resolved', 'ACQUIRE_ABORTED', 'pending', 'ACQUIRE_ABORTED', 'ACQUIRE_ABORTED',
    ])
    waiting[1]!.value!.release()
    await clock.settle()
    expect(waiting[3]!.state).toBe('resolved')
  })

  it('is refused at once when the queue is full', async () => {
    const { pool } = await scene({ size: { max: 1 }, queue: { max: 1 } })
    await pool.acquire()
    const waiting = watched(pool.acquire())
    const error = await rejection(pool.acquire())
    expect(error).toMatchObject({ code: 'QUEUE_FULL', pool: { total: 1, active: 1, waiting: 1 } })
    expect(waiting.state).toBe('pending')
  })

  it('gets what another tenant frees, once it has ended (INV 13)', async () => {
    const { pool, clock, control } = await scene({ size: { max: 1 } }, { behaviour: { eofMs: 100 } })
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    const waiting = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(10)
    lease.release()
    await clock.advance(100)
    expect(waiting.state).toBe('resolved')
    expect(control.peak).toBe(1)
  })

  it('does not have a session ended for it that others leave anyway', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 } }, { behaviour: { eofMs: 2_500 } })
    await pool.use({ tenant: 'a', key: 'old' }, () => undefined)
    await pool.use({ tenant: 'a', key: 'new' }, () => undefined)
    const waiting = watched(pool.acquire({ tenant: 'b' }))
    // Several ticks of the scaler.
    await clock.advance(2_500)
    expect(waiting.state).toBe('resolved')
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(['new', undefined])
  })

  it.each([
    [{ tenant: '' }], [{ key: '' }], [{ tenant: 5 }], [{ key: 'x'.repeat(2_000) }], [{ priority: NaN }], [{ timeout: -1 }], [{ timeout: 'soon' }],
  ])('is told when it asks for what makes no sense: %j', async (options) => {
    const { pool } = await scene()
    expect((await rejection(pool.acquire(options as never))).code).toBe('ARGUMENT_INVALID')
  })
})

describe('equal sessions', () => {
  it('get equal chances (INV 25)', async () => {
    const { pool, clock } = await scene({ isolation: 'none', size: { min: 4, max: 4 } })
    const counts = new Map<string, number>()
    for (let round = 0; round < 400; round++) {
      await pool.use(({ sessionId }) => void counts.set(sessionId, (counts.get(sessionId) ?? 0) + 1))
    }
    await clock.settle()
    expect(counts.size).toBe(4)
    for (const count of counts.values()) expect(count).toBeGreaterThan(60)
  })
})
