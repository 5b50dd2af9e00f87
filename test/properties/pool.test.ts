import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { schedule } from './commands.ts'
import { REST_MS, type Setting, Theatre, TIMEOUTS } from './theatre.ts'

/** Less than ten seconds' worth on a small machine. More: GREENROOM_RUNS=50000; replay: GREENROOM_SEED and GREENROOM_PATH as printed. */
const RUNS = Number(process.env['GREENROOM_RUNS'] ?? 200)
const SEED = process.env['GREENROOM_SEED']
const PATH = process.env['GREENROOM_PATH']

const setting: fc.Arbitrary<Setting> = fc
  .record({
    seed: fc.nat(),
    max: fc.constantFrom(3, 2, 1, 4, 5, 6),
    min: fc.integer({ min: 0, max: 2 }),
    spare: fc.integer({ min: 0, max: 2 }),
    perTenant: fc.integer({ min: 1, max: 5 }),
    starting: fc.constantFrom(1, 2, 8),
    isolation: fc.constantFrom('tenant' as const, 'tenant' as const, 'none' as const),
    concurrency: fc.constantFrom(1, 1, 2),
    reset: fc.boolean(),
    bind: fc.boolean(),
    park: fc.boolean(),
    maxUses: fc.constantFrom(undefined, undefined, 1, 3),
    total: fc.constantFrom(undefined, undefined, 6_000),
    queueMax: fc.constantFrom(100, 100, 100, 100, 2, 0),
  })
  .map(({ max, min, spare, perTenant, starting, ...rest }) => ({
    ...rest,
    size: { max, min: Math.min(min, max), spare: Math.min(spare, max), perTenant: Math.min(perTenant, max), starting },
  }))

const ending = fc.constantFrom('rest' as const, 'rest' as const, 'drain' as const, 'close' as const, 'close at once' as const)

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

it('keeps its promises in any schedule of callers, crashes, delays and refusals', { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(setting, schedule, ending, async (set, steps, end) => {
      unhandled.length = 0
      const theatre = await Theatre.open(set)
      try {
        await fc.asyncModelRun(() => ({ model: {}, real: theatre }), steps)
        await theatre.world.clock.settle()
        theatre.check()
        if (end === 'rest') await rest(theatre)
        await close(theatre, end)
        expect(unhandled, 'unhandled rejections').toEqual([])
      } finally {
        // A failed run must not disturb the next.
        const closed = theatre.pool.close({ grace: 0 })
        await theatre.world.clock.advance(10 * TIMEOUTS.close)
        await closed
      }
    }),
    {
      numRuns: RUNS,
      endOnFailure: process.env['GREENROOM_SHRINK'] === '0',
      ...(SEED !== undefined && { seed: Number(SEED) }),
      ...(PATH !== undefined && { path: PATH }),
    },
  )
})

/** Nobody moves any more: all that can be served is, and the pool comes down to what it should keep. */
async function rest(theatre: Theatre): Promise<void> {
  const { clock } = theatre.world
  theatre.behave()
  await clock.advance(REST_MS)
  theatre.check()
  theatre.checkRest()

  theatre.pool.autoScale(true)
  for (let round = 0; round < 60 && (theatre.waiters.length > 0 || theatre.holders.length > 0); round++) {
    for (const holder of theatre.holders) theatre.release(holder)
    await clock.advance(1_000)
    theatre.check()
  }
  expect(theatre.waiters.length, `everybody is served in the end\n${theatre.describe()}`).toBe(0)

  // INV 22: within the idle time-out and one sweep.
  await clock.advance(TIMEOUTS.idle + REST_MS)
  theatre.check()
  const { min, spare } = theatre.setting.size
  const { size, idleSessions } = theatre.pool.getPoolStats()
  if (theatre.setting.total === undefined) expect({ size, idleSessions }, theatre.describe()).toEqual({ size: Math.max(min, spare), idleSessions: size })
}

/** Nothing outlives the pool: no process, no timer, no promise. */
async function close(theatre: Theatre, end: string): Promise<void> {
  const { pool, world, setting } = theatre
  const { clock } = world
  if (end === 'drain') {
    theatre.promise('drain', pool.drain())
    for (let round = 0; round < 80; round++) {
      for (const holder of theatre.holders) theatre.release(holder)
      await clock.advance(1_000)
      theatre.check()
    }
    expect(theatre.waiters.length, `a drain serves everybody or lets them time out\n${theatre.describe()}`).toBe(0)
    expect(theatre.promised.at(-1)!.settled, `the drain is over\n${theatre.describe()}`).toBe(true)
  }
  theatre.promise('close', pool.close(end === 'close at once' ? { grace: 0 } : {}))
  // The grace, and the three steps of an ending.
  await clock.advance(TIMEOUTS.close * 4 + 1)
  theatre.check()
  expect(theatre.promised.filter(({ settled }) => !settled).map(({ what }) => what), `left open\n${theatre.describe()}`).toEqual([])
  expect(theatre.asked.filter(({ settled }) => !settled).length, 'requests left open (INV 16)').toBe(0)
  expect(theatre.waiters.length, 'callers left waiting').toBe(0)
  expect(world.control.live, 'processes left (INV 18)').toBe(0)
  expect(clock.pending, 'timers left').toBe(0)
  expect(world.control.peak).toBeLessThanOrEqual(setting.size.max)
}
