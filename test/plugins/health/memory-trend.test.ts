import { describe, expect, it } from 'vitest'
import memoryTrend from '../../../plugins/health/memory-trend.ts'
import { trendOf } from '../../../plugins/health/parts/trend.ts'
import type { HealthVerdict, SessionView } from '../../../src/contracts/index.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import { scene, states } from '../../pool/scene.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const MB = 2 ** 20
const MINUTE = 60_000

interface Looked {
  readonly clock: ManualClock
  /** Measures it and looks at it, every 30 s for so long; the last verdict. */
  watch(session: { usage: SessionView['usage'] }, forMs: number, memory: (minutes: number) => number | undefined): Promise<HealthVerdict>
}

async function make(options: object = {}): Promise<Looked> {
  const { strategy, clock } = await makeStrategy('health', 'memory-trend', memoryTrend, options)
  return {
    clock,
    watch: async (session, forMs, memory) => {
      let verdict: HealthVerdict | undefined
      for (let ms = 0; ms <= forMs; ms += 30_000) {
        const memoryBytes = memory(ms / MINUTE)
        session.usage = memoryBytes === undefined ? {} : { memoryBytes }
        verdict = await strategy.check({ session: session as SessionView, timeoutMs: 5_000, ping: () => Promise.resolve(true) }, new AbortController().signal)
        clock.advance(30_000)
      }
      return verdict!
    },
  }
}

const newSession = (): { usage: SessionView['usage'] } => ({ ...sessionView(), usage: undefined })

describe('the health check memory-trend', () => {
  it('finds a session that leaks, though its memory scatters more than it grows', async () => {
    const { watch } = await make()
    const random = seededRandom(3)
    // 240 MB an hour; between two looks 2 MB, within ± 20 MB of noise.
    const verdict = await watch(newSession(), 40 * MINUTE, (minutes) => (200 + 4 * minutes + 40 * (random.next() - 0.5)) * MB)
    expect(verdict.healthy).toBe(false)
    expect(verdict.reason).toMatch(/^its memory grows by 2\d\dMB an hour over 30m, which is more than 100MB \(health\.perHour\)$/)
  })

  it.each<[string, (minutes: number) => number]>([
    ['stays as it is', () => 300],
    ['grows by less than is allowed', (minutes) => 100 + minutes],
    ['has grown in one step', (minutes) => (minutes < 18 ? 100 : 500)],
    ['shrinks', (minutes) => 900 - 10 * minutes],
    ['was large at some looks', (minutes) => (minutes % 10 === 0 ? 900 : 100)],
    ['goes up and down', (minutes) => 300 + 200 * Math.sin(minutes)],
  ])('calls a session healthy whose memory %s', async (_what, memory) => {
    const { watch } = await make()
    expect((await watch(newSession(), 60 * MINUTE, (minutes) => memory(minutes) * MB)).healthy).toBe(true)
  })

  it('finds few healthy ones guilty: hardly any in a hundred whose memory scatters and does not grow', async () => {
    let guilty = 0
    for (let seed = 0; seed < 100; seed++) {
      const random = seededRandom(seed)
      const { watch } = await make({ perHour: '1MB' })
      if ((await watch(newSession(), 31 * MINUTE, () => (200 + 50 * random.next()) * MB)).healthy === false) guilty++
    }
    expect(guilty).toBeLessThan(12)
  })

  it('says nothing before its measurements cover the window', async () => {
    const { watch } = await make({ window: '10m', perHour: '1MB' })
    const session = newSession()
    const leaks = (minutes: number): number => (100 + 100 * minutes) * MB
    expect(await watch(session, 9 * MINUTE, leaks)).toEqual({ healthy: undefined, reason: 'too little was measured of it yet to know its trend over 10m' })
    expect((await watch(session, 2 * MINUTE, (minutes) => leaks(minutes + 9))).healthy).toBe(false)
  })

  it('says nothing of what was not measured, or too rarely (INV 27)', async () => {
    const { watch } = await make({ window: '10m' })
    expect((await watch(newSession(), 60 * MINUTE, () => undefined)).healthy).toBeUndefined()
    expect((await watch(newSession(), 60 * MINUTE, (minutes) => (minutes % 5 === 0 ? minutes * 1_000 * MB : undefined))).healthy).toBeUndefined()
  })

  it('forgets what is older than the window', async () => {
    const { watch } = await make({ window: '10m' })
    const session = newSession()
    expect((await watch(session, 30 * MINUTE, (minutes) => (100 + 10 * minutes) * MB)).healthy).toBe(false)
    expect((await watch(session, 15 * MINUTE, () => 400 * MB)).healthy).toBe(true)
  })

  it('tells sessions apart', async () => {
    const { watch } = await make({ window: '10m' })
    expect((await watch(newSession(), 20 * MINUTE, (minutes) => minutes * 100 * MB)).healthy).toBe(false)
    expect((await watch(newSession(), 20 * MINUTE, () => 100 * MB)).healthy).toBe(true)
  })

  it('is the surer the more confidence is asked for', async () => {
    const verdict = async (confidence: number): Promise<boolean | undefined> => {
      const random = seededRandom(6)
      const { watch } = await make({ confidence, perHour: '100MB' })
      return (await watch(newSession(), 31 * MINUTE, (minutes) => (200 + 2 * minutes + 40 * (random.next() - 0.5)) * MB)).healthy
    }
    expect(await verdict(0.6)).toBe(false)
    expect(await verdict(0.999)).toBe(true)
  })

  it.each<[object, string]>([
    [{ perHour: 0 }, 'at least 1 bytes'],
    [{ window: '10ms' }, 'at least 1000 ms'],
    [{ confidence: 1 }, 'Too big'],
    [{ confidence: 0.5 }, 'Too small'],
    [{ perMinute: 1 }, 'perMinute'],
  ])('refuses %o', async (options, message) => {
    expect(await problemsWith('health', 'memory-trend', memoryTrend, options)).toEqual([expect.stringContaining(message)])
  })

  it('ends a session of a pool that leaks, by a config, and no other', async () => {
    const { pool, clock, programs } = await scene({
      size: { min: 2 }, timeouts: { idle: false, total: false }, metrics: { use: 'in-memory' as 'pidusage', every: '5s' },
      health: { use: 'memory-trend', every: '10s', window: '5m', perHour: '50MB' },
    })
    const [leaky, sound] = programs.map(({ child }) => child)
    for (let minute = 0; minute < 12; minute++) {
      leaky!.behaviour.usage = { memoryBytes: (100 + 5 * minute) * MB }
      sound!.behaviour.usage = { memoryBytes: (100 + (minute % 3)) * MB }
      await clock.advance(MINUTE)
    }
    expect(leaky!.exit).toBeDefined()
    expect(sound!.exit).toBeUndefined()
    expect(pool.decisions().find(({ kind, reason }) => kind === 'end' && reason.startsWith('unhealthy'))?.reason).toContain('health.perHour')
    expect(states(pool)).toHaveLength(2)
  })
})

describe('a trend', () => {
  it('is the median of the slopes, whatever a quarter of the points say', () => {
    const points = Array.from({ length: 20 }, (_, n) => ({ at: n * 10, value: n % 4 === 0 ? 10_000 : 3 * n }))
    expect(trendOf(points, 0.95)!.slope).toBeCloseTo(0.3, 1)
  })

  it('is exact of points on a line, and its bound with it', () => {
    const points = Array.from({ length: 9 }, (_, n) => ({ at: n, value: 2 * n }))
    expect(trendOf(points, 0.95)).toEqual({ slope: 2, atLeast: 2 })
  })

  it('is not known of points too few for any bound', () => {
    expect(trendOf([], 0.95)).toBeUndefined()
    expect(trendOf([{ at: 0, value: 1 }, { at: 1, value: 2 }, { at: 2, value: 3 }], 0.99)).toBeUndefined()
  })
})
