import { describe, expect, it } from 'vitest'
import type { Admission, AdmissionReport, Lease } from '../../src/contracts/index.ts'
import { z } from '../../src/contracts/index.ts'
import { rejection, scene, watched, type Scene, type SceneOptions } from './scene.ts'

/** A pool whose admission strategy is the test's. */
function withAdmission(admission: Admission, config: object = {}, more: SceneOptions = {}): Promise<Scene> {
  return scene({ size: { max: 2, spare: 0 }, isolation: 'none', admission: 'mine' as 'gradient2', ...config }, {
    ...more,
    apply: (kernel) => {
      more.apply?.(kernel)
      kernel.strategy('admission', 'mine', { description: 'test', options: z.strictObject({}), create: () => admission })
    },
  })
}

function noting(): { admission: Admission; asked: number[]; reports: AdmissionReport[] } {
  const asked: number[] = []
  const reports: AdmissionReport[] = []
  return {
    asked, reports,
    admission: { admit: (_request, { inFlight }) => void asked.push(inFlight), finished: (report) => void reports.push(report) },
  }
}

async function lease(pool: Scene['pool'], clock: Scene['clock']): Promise<Lease> {
  const seen = watched(pool.acquire())
  await clock.advance(500)
  return seen.value!
}

describe('admission', () => {
  it('is asked of every acquire how many are in flight, those who wait included, and told of each once', async () => {
    const { admission, asked, reports } = noting()
    const { pool, clock } = await withAdmission(admission)
    const [first, second] = [await lease(pool, clock), await lease(pool, clock)]
    const third = watched(pool.acquire())
    await clock.advance(1_000)
    expect([asked, reports]).toEqual([[0, 1, 2], []])
    first.release()
    first.release()
    await clock.advance(250)
    expect(reports).toEqual([{ latencyMs: 2_000, inFlight: 1, outcome: 'done' }])
    third.value!.release()
    second.destroy()
    await clock.settle()
    // Its wait is part of it.
    expect(reports.slice(1)).toEqual([{ latencyMs: 1_250, inFlight: 3, outcome: 'done' }, { latencyMs: 1_750, inFlight: 2, outcome: 'done' }])
    ;(await lease(pool, clock)).release()
    expect(asked.at(-1)).toBe(0)
  })

  it('is told who was cut short, and who was lost', async () => {
    const { admission, reports } = noting()
    const { pool, clock, programs } = await withAdmission(admission, { timeouts: { active: 3_000, acquire: 1_000 } })
    const [slow, crashed] = [await lease(pool, clock), await lease(pool, clock)]
    const late = watched(pool.acquire())
    const controller = new AbortController()
    const gone = watched(pool.acquire({ signal: controller.signal }))
    controller.abort()
    await clock.advance(1_000)
    expect([late.code, gone.code]).toEqual(['ACQUIRE_TIMEOUT', 'ACQUIRE_ABORTED'])
    programs.find(({ child }) => child.pid === pool.getSessionMetrics().find(({ sessionId }) => sessionId === crashed.sessionId)!.pid)!.child.crash()
    await clock.advance(5_000)
    expect(slow.signal.aborted).toBe(true)
    expect(reports.map(({ outcome }) => outcome)).toEqual(['lost', 'late', 'lost', 'late'])
  })

  it('refuses at once with its reason, before a place in the queue is taken, though a session is free', async () => {
    const { pool, clock } = await withAdmission({ admit: () => ({ reason: 'it is Sunday', retryAfterMs: 1_500 }), finished: () => undefined }, { size: { min: 1 } })
    await clock.advance(1_000)
    const error = await rejection(pool.acquire({ tenant: 'acme', key: 'k' }))
    expect(error.toJSON()).toEqual({ code: 'OVERLOADED', message: 'too many are being served or wait: it is Sunday', retryAfterMs: 1_500 })
    expect(pool.getPoolStats()).toMatchObject({ waiting: 0, refusals: 1, activeSessions: 0 })
    expect(pool.decisions().at(-1)).toMatchObject({ kind: 'refuse', reason: 'OVERLOADED', tenant: 'acme', key: 'k' })
  })

  it.each<[string, Admission['admit']]>([
    ['throws', () => { throw new Error('no idea') }],
    ['answers later', (() => Promise.reject(new Error('later'))) as never],
    ['answers nonsense', (() => false) as never],
    ['refuses with nothing', (() => null) as never],
  ])('that %s refuses the caller, and nobody else is counted for it (INV 8)', async (_what, admit) => {
    let broken = true
    const { pool, clock } = await withAdmission({ admit: (request, load) => (broken ? admit(request, load) : load.inFlight === 0 ? undefined : { reason: 'in flight' }), finished: () => undefined })
    expect((await rejection(pool.acquire())).code).toBe('STRATEGY_FAILED')
    broken = false
    ;(await lease(pool, clock)).release()
  })

  it('that throws when it is told harms nobody, and is reported', async () => {
    const { pool, clock, problems } = await withAdmission({ admit: () => undefined, finished: () => { throw new Error('no memory') } })
    ;(await lease(pool, clock)).release()
    ;(await lease(pool, clock)).release()
    expect(problems.map(({ where }) => where)).toEqual(["the admission strategy's finished", "the admission strategy's finished"])
  })

  it('counts nobody whom the pool itself refuses', async () => {
    const { admission, asked, reports } = noting()
    const { pool, clock } = await withAdmission(admission, { size: { max: 1, spare: 0 }, queue: { max: 0 } })
    expect((await rejection(pool.acquire())).code).toBe('QUEUE_FULL')
    await clock.settle()
    expect(asked).toEqual([0])
    expect((await rejection(pool.acquire())).code).toBe('QUEUE_FULL')
    expect(asked).toEqual([0, 0])
    expect(reports.map(({ outcome }) => outcome)).toEqual(['lost', 'lost'])
  })
})

describe('a pool with gradient2', () => {
  const LIMITS = { use: 'gradient2', min: 4, initial: 8, max: 16, queue: 1 } as const

  /** Callers keep coming, more than are let in, each for one request of so long; how many were in flight at most in the last second. */
  async function storm({ pool, clock }: Scene, forMs: number, requestMs: number): Promise<{ peak: number; refused: number }> {
    let [peak, refused] = [0, 0]
    const call = (): void => void pool.use((one) => one.request({ op: 'read', ms: requestMs })).catch(() => refused++)
    for (let ms = 0; ms < forMs; ms += 20) {
      for (let n = 0; n < 6; n++) call()
      await clock.settle()
      const { activeSessions, waiting } = pool.getPoolStats()
      if (ms >= forMs - 1_000) peak = Math.max(peak, activeSessions + waiting)
      await clock.advance(20)
    }
    await clock.advance(20 * requestMs)
    return { peak, refused }
  }

  it('lets fewer in as sessions get slower, and more again as they recover', async () => {
    const stage = await scene({ size: { min: 4, max: 4, spare: 0 }, isolation: 'none', admission: LIMITS })
    await stage.clock.advance(1_000)
    const calm = await storm(stage, 3_000, 20)
    const slow = await storm(stage, 5_000, 400)
    const again = await storm(stage, 4_000, 20)
    expect([calm.peak, slow.peak, again.peak]).toEqual([16, 4, 16])
    expect(calm.refused).toBeGreaterThan(0)
    expect(stage.pool.getPoolStats()).toMatchObject({ waiting: 0, activeSessions: 0, refusals: calm.refused + slow.refused + again.refused })
  })

  it('is refused when it is not known, or its options are not', async () => {
    for (const [admission, message] of [['gradient', 'did you mean "gradient2"?'], [{ use: 'gradient2', limit: 3 }, 'unknown option "limit"'], [{ min: 3 }, 'missing: expected the name of a admission']]) {
      const error = await rejection(scene({ admission: admission as 'gradient2' }))
      expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining(message as string)])
    }
  })
})
