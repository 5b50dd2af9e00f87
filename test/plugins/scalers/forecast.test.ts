import { describe, expect, it } from 'vitest'
import { createInMemoryWorld } from 'greenroom/testing'
import { countQuantile } from '../../../plugins/scalers/parts/count-quantile.ts'
import type { ScaleView } from '../../../src/contracts/index.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { scene } from '../../pool/scene.ts'
import { makeScaler, type MadeScaler } from './support.ts'

const HOUR = 3_600_000

/** A scaler that is asked once a second, and what it wants at the end. `each` says how many come in a second. */
class Days {
  readonly #made: MadeScaler
  readonly #view: Partial<ScaleView>
  #arrivals = 0
  target = 0

  constructor(made: MadeScaler, view: Partial<ScaleView> = {}) {
    this.#made = made
    this.#view = { meanStartMs: 2_000, ...view }
  }

  /** Goes to the beginning of a season. */
  align(seasonMs: number): this {
    const { clock } = this.#made
    clock.advance(seasonMs - (clock.wallTime() % seasonMs))
    return this
  }

  pass(ms: number, each: (second: number) => number): number {
    for (let second = 0; second < ms / 1_000; second++) {
      this.#made.clock.advance(1_000)
      this.#arrivals += each(second)
      this.target = this.#made.target({ ...this.#view, arrivals: this.#arrivals })
    }
    return this.target
  }
}

const days = async (options: object = {}, view: Partial<ScaleView> = {}): Promise<Days> => {
  return new Days(await makeScaler('forecast', { stabilization: 0, season: false, ...options }), view)
}

describe('the scaler forecast', () => {
  it('keeps spares for those who come while one session starts', async () => {
    // 2 a second as regular as a clock, and 2 s for a start: 4 are expected; 8 are exceeded in 2 % of such times if they came by chance.
    expect((await days()).pass(600_000, () => 2)).toBe(8)
    expect((await days()).pass(600_000, () => 0)).toBe(0)
    expect((await days({}, { meanStartMs: 10_000 })).pass(600_000, () => 2)).toBe(28)
  })

  it('keeps more for a higher percentile, and more when callers come together', async () => {
    expect((await days({ percentile: 50 })).pass(600_000, () => 2)).toBe(4)
    expect((await days({ percentile: 99.9 })).pass(600_000, () => 2)).toBe(11)
    // As many, 60 at once: mostly nobody comes, but when they do it is many.
    expect((await days()).pass(600_000, (second) => (second % 30 === 0 ? 60 : 0))).toBeGreaterThan(12)
  })

  it('forgets sooner with a shorter memory', async () => {
    const [long, short] = [await days({ memory: '30m' }), await days({ memory: '20s' })]
    for (const one of [long, short]) one.pass(600_000, () => 2)
    expect(long.pass(120_000, () => 0)).toBeGreaterThan(4)
    expect(short.pass(120_000, () => 0)).toBeLessThan(2)
  })

  it('has them ready for what comes at the same time of every season, and a start ahead of it', async () => {
    const rush = (second: number): number => (second >= 3_600 && second < 4_500 ? 5 : 0)
    const seasonal = (await days({ season: '2h', slot: '15m' })).align(2 * HOUR)
    for (let season = 0; season < 3; season++) seasonal.pass(2 * HOUR, rush)
    expect(seasonal.pass(3_590_000, () => 0)).toBe(0)
    expect(seasonal.pass(10_000, () => 0)).toBeGreaterThan(8)
    const plain = await days({ season: false })
    for (let season = 0; season < 3; season++) plain.pass(2 * HOUR, rush)
    expect(plain.pass(HOUR, () => 0)).toBe(0)
  })

  it('expects less of a day that is quieter than others were', async () => {
    const usual = (second: number): number => (second >= 3_600 && second < 4_500 ? 8 : 1)
    const [as, quiet] = [(await days({ season: '2h' })).align(2 * HOUR), (await days({ season: '2h' })).align(2 * HOUR)]
    for (const one of [as, quiet]) for (let season = 0; season < 2; season++) one.pass(2 * HOUR, usual)
    expect(quiet.pass(HOUR, () => 0)).toBeLessThan(as.pass(HOUR, usual) / 2)
  })

  it('knows the times of a season by its slots', async () => {
    // Callers come in the first minute of every ten.
    const minute = (second: number): number => (second < 60 ? 5 : 0)
    const [fine, coarse] = [await days({ season: '10m', slot: '1m', memory: '30s' }), await days({ season: '10m', slot: '5m', memory: '30s' })]
    for (const one of [fine.align(600_000), coarse.align(600_000)]) for (let season = 0; season < 4; season++) one.pass(600_000, minute)
    expect(fine.pass(290_000, minute)).toBe(0)
    expect(coarse.pass(290_000, minute)).toBeGreaterThan(0)
  })

  it('shrinks only after its window', async () => {
    const slow = await days({ stabilization: '10m', memory: '20s' })
    slow.pass(600_000, () => 2)
    expect(slow.pass(540_000, () => 0)).toBe(8)
    expect(slow.pass(300_000, () => 0)).toBe(0)
  })

  it('does not go below size.spare, nor beyond size.max, and forecasts nothing before the first start', async () => {
    expect((await days({}, { spare: 3 })).pass(60_000, () => 0)).toBe(3)
    expect((await days({}, { max: 6 })).pass(600_000, () => 50)).toBe(6)
    expect((await days({}, { meanStartMs: undefined, spare: 1 })).pass(600_000, () => 50)).toBe(1)
  })

  it('expects sessions that serve anybody to be free again after their leases', async () => {
    const shared = await days({}, { shared: true, meanHoldMs: 5, meanStartMs: 500 })
    expect(shared.pass(600_000, () => 100)).toBeLessThan(5)
  })

  it('does not learn from times at which it was not asked', async () => {
    const made = await makeScaler('forecast', { stabilization: 0 })
    const one = new Days(made)
    one.pass(300_000, () => 1)
    const before = one.target
    made.clock.advance(HOUR)
    expect(one.pass(1_000, () => 100_000)).toBe(before)
  })

  it('says what for, beside the work', async () => {
    const { decide } = await makeScaler('forecast')
    expect(decide({ busy: 2, spare: 1 })).toEqual({ target: 3, reason: '2 busy, 1 for those who come while one starts' })
    expect(decide({ busy: 1, idleSpare: 2 })).toEqual({ target: 3, reason: '1 busy, 3 were wanted within the stabilization window' })
  })

  it('keeps spares in a pool for the callers it has seen', async () => {
    const { pool, clock } = await scene({ size: { max: 60, spare: 1, starting: 60 }, timeouts: { idle: '2s' }, scaler: 'forecast' }, { behaviour: { start: { ms: 2_000 } } })
    for (let n = 0; n < 120; n++) {
      await clock.advance(500)
      void pool.use({ tenant: `t${n}` }, () => undefined).catch(() => undefined)
    }
    await clock.advance(2_000)
    expect(pool.getPoolStats().idleSessions).toBeGreaterThanOrEqual(5)
  })

  it.each<[string, object, string]>([
    ['an unknown option', { window: 5 }, 'scaler.window: unknown option "window". Known: percentile, memory, season, slot, stabilization'],
    ['a percentile below 50', { percentile: 49 }, 'scaler.percentile: Too small'],
    ['certainty', { percentile: 100 }, 'scaler.percentile: Too big'],
    ['no memory', { memory: 0 }, 'scaler.memory: must be at least 10000 ms'],
    ['a season of no time', { season: 0 }, 'scaler.season: must be at least 60000 ms'],
    ['a slot of no time', { slot: 0 }, 'scaler.slot: must be at least 10000 ms'],
    ['a slot that is a season', { season: '15m' }, 'scaler: slot must be half of the season at most'],
    ['a window that is none', { stabilization: -1 }, 'scaler.stabilization: -1 is not a duration'],
  ])('refuses %s', async (_what, options, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ scaler: { use: 'forecast', ...options } }))
    expect(error.message).toContain(message)
  })
})

describe('the quantile of a count', () => {
  it('is that of the Poisson distribution for independent arrivals', () => {
    expect([0.5, 0.95, 0.99].map((share) => countQuantile(share, 4, 1, 1_000))).toEqual([4, 8, 9])
    expect([0.05, 0.06].map((mean) => countQuantile(0.95, mean, 1, 1_000))).toEqual([0, 1])
    expect(countQuantile(0.95, 900, 1, 5_000)).toBe(950)
  })

  it('is that of the negative binomial distribution for clustered ones', () => {
    // Geometric, with a mean of 3: the chance of more than k is 0.75^(k+1).
    expect(countQuantile(0.95, 3, 4, 1_000)).toBe(10)
  })

  it('is 0 where nothing is expected, and never more than the most', () => {
    expect(countQuantile(0.95, 0, 1, 10)).toBe(0)
    expect([countQuantile(0.95, 9, 1, 10), countQuantile(0.95, 1e9, 1, 10)]).toEqual([10, 10])
  })
})
