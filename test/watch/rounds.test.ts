import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/kernel/system-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { Rounds } from '../../src/watch/rounds.ts'

function scene(count: number, everyMs: number) {
  const clock = new VirtualClock()
  const visits: { one: number; at: number }[] = []
  const rounds = new Rounds<number>(clock, seededRandom(3), (one) => void visits.push({ one, at: clock.now() }))
  rounds.restart(everyMs)
  for (let one = 0; one < count; one++) rounds.add(one)
  const of = (one: number): number[] => visits.filter((visit) => visit.one === one).map(({ at }) => at)
  return { clock, visits, rounds, of }
}

describe('Rounds', () => {
  it('visit everybody first within an interval, then every 90 to 110 % of it', async () => {
    const { clock, of } = scene(50, 30_000)
    const begun = clock.now()
    await clock.advance(300_000)
    for (let one = 0; one < 50; one++) {
      const times = of(one)
      expect(times[0]! - begun).toBeLessThanOrEqual(33_000)
      const gaps = times.slice(1).map((at, index) => at - times[index]!)
      expect(gaps.length).toBeGreaterThanOrEqual(8)
      for (const gap of gaps) {
        expect(gap).toBeGreaterThanOrEqual(26_900)
        expect(gap).toBeLessThanOrEqual(33_001)
      }
    }
  })

  it('wake the host for many at a time', async () => {
    const { clock, visits } = scene(1_000, 30_000)
    await clock.advance(60_000)
    visits.length = 0
    await clock.advance(60_000)
    expect(visits.length).toBeGreaterThan(1_800)
    expect(new Set(visits.map(({ at }) => at)).size).toBeLessThan(visits.length / 8)
  })

  it('visit no more than a few in one go, however many are due, and nobody is left out', async () => {
    const { clock, visits, of } = scene(5_000, 30_000)
    await clock.advance(36_000)
    const atOnce = new Map<number, number>()
    for (const { at } of visits) atOnce.set(at, (atOnce.get(at) ?? 0) + 1)
    expect(Math.max(...atOnce.values())).toBeLessThanOrEqual(16)
    for (let one = 0; one < 5_000; one++) expect(of(one).length).toBeGreaterThanOrEqual(1)
  })

  it('leave nobody out when there are more visits than can be made', async () => {
    const { clock, of } = scene(500, 100)
    await clock.advance(3_000)
    const counts = Array.from({ length: 500 }, (_, one) => of(one).length)
    expect(Math.min(...counts)).toBeGreaterThan(5)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(3)
  })

  it('spread the first visits of those who came together', async () => {
    const { clock, visits } = scene(300, 30_000)
    await clock.advance(15_000)
    expect(visits.length).toBeGreaterThan(100)
    expect(visits.length).toBeLessThan(200)
  })

  it('do not visit who was removed, even in the same go, and set no timer when nobody is left', async () => {
    const clock = new VirtualClock()
    const visited: string[] = []
    const rounds: Rounds<string> = new Rounds<string>(clock, { next: () => 0.5 }, (one) => {
      visited.push(one)
      rounds.remove('a')
      rounds.remove('b')
    })
    rounds.restart(1_000)
    rounds.add('a')
    rounds.add('b')
    await clock.advance(10_000)
    expect(visited).toEqual(['a'])
    expect(clock.pending).toBe(0)
  })

  it('begin anew, with nobody, when they are restarted', async () => {
    const { clock, rounds, visits } = scene(5, 1_000)
    rounds.restart(500)
    await clock.advance(5_000)
    expect(visits).toEqual([])
    rounds.add(7)
    await clock.advance(5_000)
    expect(visits.length).toBeGreaterThanOrEqual(8)
  })
})
