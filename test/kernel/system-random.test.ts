import { describe, expect, it } from 'vitest'
import { seededRandom, systemRandom, xoshiro128 } from '../../src/kernel/system-random.ts'

describe('seededRandom', () => {
  it('is xoshiro128++: it gives the published reference values', () => {
    const next = xoshiro128([1, 2, 3, 4])
    expect(Array.from({ length: 10 }, next)).toEqual([
      641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420,
    ])
  })

  it('repeats a sequence for an equal seed, and gives another one for any other', () => {
    const sequence = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 50 }, () => random.next())
    }
    expect(sequence(7)).toEqual(sequence(7))
    const seeds = [0, 1, 2, -1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 1_700_000_000_000, Number.MAX_SAFE_INTEGER]
    expect(new Set(seeds.map((seed) => sequence(seed)[0])).size).toBe(seeds.length)
  })

  it('is uniform in [0, 1), for neighbouring seeds as well as within one', () => {
    const within = seededRandom(1)
    const firsts = (index: number): number => seededRandom(index).next()
    for (const draw of [() => within.next(), firsts]) {
      const buckets = Array.from({ length: 10 }, () => 0)
      for (let index = 0; index < 20_000; index++) {
        const value = draw(index)
        expect(value >= 0 && value < 1).toBe(true)
        buckets[Math.floor(value * 10)]!++
      }
      // Expected 2,000 each, standard deviation 42; the sequence is fixed.
      for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(210)
    }
  })
})

it('systemRandom gives numbers in [0, 1) that differ', () => {
  const values = Array.from({ length: 100 }, () => systemRandom.next())
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
  expect(new Set(values).size).toBeGreaterThan(90)
})
