import { describe, expect, it } from 'vitest'
import type { ProcessUsage } from '../../../src/contracts/index.ts'
import { SessionMeter } from '../../../src/watch/usage/session-meter.ts'

function reading(usages: Readonly<Record<number, ProcessUsage>>, { complete = true, counted = true } = {}) {
  return { processes: new Map(Object.entries(usages).map(([pid, usage]) => [Number(pid), usage])), complete, counted }
}

describe('the figures of a session', () => {
  it('are the sums over its processes, and how many there are', () => {
    const meter = new SessionMeter()
    meter.measure(reading({ 1: { memoryBytes: 10, cpuMs: 0 }, 2: { memoryBytes: 5, cpuMs: 0 } }), 0)
    const second = reading({ 1: { memoryBytes: 10, cpuMs: 100 }, 2: { memoryBytes: 7, cpuMs: 100 } })
    expect(meter.measure(second, 1_000)).toEqual({ memoryBytes: 17, cpuPercent: 20, processes: 2 })
  })

  it('are unknown, all of them, while one that lives could not be read (INV 27)', () => {
    const meter = new SessionMeter()
    meter.measure(reading({ 1: { memoryBytes: 10, cpuMs: 0 } }), 0)
    expect(meter.measure(reading({ 1: { memoryBytes: 10, cpuMs: 100 } }, { complete: false }), 1_000)).toEqual({})
    expect(meter.measure(reading({ 1: { memoryBytes: 10, cpuMs: 400 } }), 2_000)).toEqual({ memoryBytes: 10, cpuPercent: 20, processes: 1 })
  })

  it('are unknown one by one', () => {
    const meter = new SessionMeter()
    expect(meter.measure(reading({ 1: { memoryBytes: 10 }, 2: {} }), 0)).toEqual({ processes: 2 })
    expect(meter.measure(reading({ 1: { memoryBytes: 10 } }, { counted: false }), 0)).toEqual({ memoryBytes: 10 })
  })

  it('take the share of a sampler that knows no times as it is', () => {
    const meter = new SessionMeter()
    expect(meter.measure(reading({ 1: { cpuPercent: 5 }, 2: { cpuPercent: 7 } }), 0)).toMatchObject({ cpuPercent: 12 })
    expect(meter.measure(reading({ 1: { cpuPercent: 5 }, 2: {} }), 0)).not.toHaveProperty('cpuPercent')
  })

  it('have a proportional memory that is told until it is too old', () => {
    const meter = new SessionMeter()
    meter.measure(reading({ 1: { memoryBytes: 100 } }), 0)
    expect(meter.proportionalBytes(0, 1_000)).toBeUndefined()
    meter.noteProportional(60, 0)
    expect([meter.proportionalBytes(1_000, 1_000), meter.proportionalBytes(1_001, 1_000)]).toEqual([60, undefined])
    meter.noteProportional(undefined, 0)
    expect(meter.proportionalBytes(0, 1_000)).toBeUndefined()
  })

  it('bound what the proportional memory can have become: by what was added, and by resident memory', () => {
    const meter = new SessionMeter()
    const grown = (bytes: number, now = 500): number => {
      meter.measure(reading({ 1: { memoryBytes: bytes } }), now)
      return meter.proportionalAtMost(now, 1_000)
    }
    expect(grown(100)).toBe(100)
    meter.noteProportional(60, 0)
    expect([grown(100), grown(120), grown(50), grown(100, 1_001)]).toEqual([60, 80, 50, 100])
    meter.measure(reading({}, { complete: false }), 0)
    expect(new SessionMeter().proportionalAtMost(0, 1_000)).toBe(Infinity)
  })
})
