import { describe, expect, it } from 'vitest'
import { countPicks, makeBalancer, type MutableSession, withLoads } from './support.ts'

/** Two sessions with these request times behind them. */
async function withTimes(first: readonly number[], second: readonly number[], metric: object = {}) {
  const { balancer, clock } = await makeBalancer('power-of-two', { metric: { use: 'latency-percentile', ...metric } })
  const sessions = withLoads(0, 0) as [MutableSession, MutableSession]
  for (const ms of first) balancer.ended!(sessions[0], 'answered', ms)
  for (const ms of second) balancer.ended!(sessions[1], 'answered', ms)
  return { balancer, clock, sessions, picks: () => Object.keys(countPicks(balancer, sessions, 20)).sort().join() }
}

const mostly = (ms: number, rarely: number, times: number): number[] => [...new Array<number>(100 - times).fill(ms), ...new Array<number>(times).fill(rarely)]

describe('the metric latency-percentile', () => {
  it('compares the percentile that it is told, 95 unless told otherwise', async () => {
    const [steady, spiky] = [mostly(300, 400, 1), mostly(100, 5_000, 10)]
    expect((await withTimes(steady, spiky)).picks()).toBe('s0')
    expect((await withTimes(steady, spiky, { percentile: 50 })).picks()).toBe('s1')
    expect((await withTimes(steady, mostly(100, 5_000, 4))).picks()).toBe('s1')
    expect((await withTimes(steady, mostly(100, 5_000, 1), { percentile: 100 })).picks()).toBe('s0')
  })

  it('is the same whatever the order of the times', async () => {
    const times = [5, 1, 4, 2, 3]
    const { picks } = await withTimes(times, [...times].reverse(), { percentile: 60 })
    expect(picks()).toBe('s0,s1')
  })

  it('weighs time by the requests under way', async () => {
    const { sessions, picks } = await withTimes([100], [250])
    sessions[0].load = 2
    expect(picks()).toBe('s1')
  })

  it('forgets what is older than its window, but not while a request is running', async () => {
    for (const [window, afterMs, forgotten] of [['1m', 60_001, true], ['1m', 59_999, false], [undefined, 600_001, true], [undefined, 599_999, false]] as const) {
      const { clock, sessions, picks } = await withTimes([5_000], [100], window && { window })
      sessions[1].load = 1
      expect(picks()).toBe('s1')
      clock.advance(afterMs)
      sessions[0].load = 1
      expect(picks()).toBe('s1')
      // Forgotten, it is unknown, and the lower load decides.
      sessions[0].load = 0
      expect([window, afterMs, picks()]).toEqual([window, afterMs, forgotten ? 's0' : 's1'])
    }
  })

  it('goes by the newest 256 times', async () => {
    const slowFirst = [...new Array<number>(200).fill(5_000), ...new Array<number>(256).fill(50)]
    expect((await withTimes(slowFirst, [100])).picks()).toBe('s0')
  })

  it('drops the old times of a busy session as new ones come', async () => {
    const { balancer, clock, sessions, picks } = await withTimes(mostly(5_000, 5_000, 0), [100])
    sessions[0].load = sessions[1].load = 1
    clock.advance(600_001)
    balancer.ended!(sessions[0], 'answered', 50)
    expect(picks()).toBe('s0')
  })

  it('does not take a session for fast that fails fast', async () => {
    const { balancer, sessions, picks } = await withTimes([200], [100])
    for (let n = 0; n < 50; n++) balancer.ended!(sessions[0], 'failed', 1)
    expect(picks()).toBe('s1')
    balancer.ended!(sessions[1], 'timed-out', 1_000)
    expect(picks()).toBe('s0')
  })

  it('knows nothing of a session that has only failed: the lower load decides', async () => {
    const { balancer, sessions, picks } = await withTimes([], [100])
    balancer.ended!(sessions[0], 'failed', 1)
    sessions[1].load = 1
    expect(picks()).toBe('s0')
  })
})
