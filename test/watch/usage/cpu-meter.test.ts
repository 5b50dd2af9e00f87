import { describe, expect, it } from 'vitest'
import type { ProcessUsage } from '../../../src/contracts/index.ts'
import { CpuMeter } from '../../../src/watch/usage/cpu-meter.ts'

/** [pid, cpuMs, endedCpuMs, ageMs, startTime] */
type Row = readonly [pid: number, cpuMs: number, endedCpuMs?: number | undefined, ageMs?: number | undefined, startTime?: number]

function processes(...rows: Row[]): ReadonlyMap<number, ProcessUsage> {
  return new Map(rows.map(([pid, cpuMs, endedCpuMs, ageMs, startTime]) => [pid, {
    cpuMs, ...(endedCpuMs !== undefined && { endedCpuMs }), ...(ageMs !== undefined && { ageMs }), ...(startTime !== undefined && { startTime }),
  }]))
}

/** The shares of looks a second apart. */
function shares(...looks: ReadonlyMap<number, ProcessUsage>[]): (number | undefined)[] {
  const meter = new CpuMeter()
  return looks.map((look, n) => meter.measure(look, 1_000 * (n + 1)))
}

describe('the CPU share of a session', () => {
  it('is unknown at first, and then what its processes used together', () => {
    expect(shares(processes([1, 100], [2, 50]), processes([1, 600], [2, 300]))).toEqual([undefined, 75])
  })

  it('counts a process that began since the last look with all it has used', () => {
    expect(shares(processes([1, 0]), processes([1, 100], [2, 400, 100, 900]))).toEqual([undefined, 60])
  })

  it('is unknown when a process was there before and nobody looked, and known again the next time', () => {
    const before = processes([1, 0])
    expect(shares(before, processes([1, 10], [2, 9_000, 0, 60_000]), processes([1, 20], [2, 9_040, 0, 61_000]))).toEqual([undefined, undefined, 5])
    expect(shares(before, processes([1, 10], [2, 9_000]))).toEqual([undefined, undefined])
  })

  it('counts children that ended and were waited for, each millisecond once', () => {
    // Of the 300 ms that process 2 used in its life, 200 were counted before; a third one came and went unseen with 150.
    expect(shares(processes([1, 0, 0], [2, 200, 0]), processes([1, 10, 450]))).toEqual([undefined, 26])
  })

  it('counts those who are left when nobody in the tree waited for those who ended', () => {
    expect(shares(processes([1, 0, 0], [2, 5_000, 0]), processes([1, 300, 0]))).toEqual([undefined, 30])
  })

  it('is never below nothing, and nothing where nothing was used', () => {
    expect(shares(processes([1, 500]), processes([1, 500]), processes([1, 500]))).toEqual([undefined, 0, 0])
  })

  it.each<[string, Row, Row]>([
    ['began at another time', [1, 100, 0, 5_000, 7], [1, 400, 0, 600, 8]],
    ['is younger than it was', [1, 100, 0, 5_000], [1, 400, 0, 600]],
    ['has used less', [1, 500, 0, undefined], [1, 400, 0, 600]],
  ])('takes a process for another one of the same number when it %s', (_why, before, after) => {
    expect(shares(processes(before), processes(after))).toEqual([undefined, 40])
  })

  it('is taken over a quarter of a second at least, and the same until then', () => {
    const meter = new CpuMeter()
    const at = (now: number, cpuMs: number): number | undefined => meter.measure(processes([1, cpuMs]), now)
    expect([at(0, 0), at(100, 90), at(249, 200), at(250, 125), at(300, 500), at(500, 375)]).toEqual([undefined, undefined, undefined, 50, 50, 100])
  })

  it('is unknown where the CPU time of a process is', () => {
    const known = [processes([1, 200, 0, 60_000]), processes([1, 300, 0, 61_000])]
    expect(shares(processes([1, 0]), new Map([[1, {}]]), ...known)).toEqual([undefined, undefined, undefined, 10])
  })
})
