import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../../src/contracts/index.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { countPicks, makeBalancer, type MutableSession, REQUEST, withLoads } from './support.ts'

const MINUTE = 60_000

/** Two sessions, the first of which has just answered in `firstMs`, the second in `secondMs`. */
async function twoSessions(firstMs: number, secondMs: number, options: object = { decay: MINUTE }) {
  const { balancer, clock } = await makeBalancer('peak-ewma', options)
  const sessions = withLoads(0, 0) as [MutableSession, MutableSession]
  end(balancer, clock, sessions[0], firstMs)
  end(balancer, clock, sessions[1], secondMs)
  return { balancer, clock, sessions, picks: () => Object.keys(countPicks(balancer, sessions, 20)).sort().join() }
}

function end(balancer: Balancer, clock: ManualClock, session: MutableSession, durationMs: number, outcome: 'answered' | 'failed' | 'timed-out' | 'aborted' = 'answered'): void {
  session.lastUsedAt = clock.now()
  balancer.ended!(session, outcome, durationMs)
}

describe('the balancer peak-ewma', () => {
  it('prefers the one that answers faster', async () => {
    expect((await twoSessions(100, 900)).picks()).toBe('s0')
    expect((await twoSessions(900, 100)).picks()).toBe('s1')
  })

  it('weighs time by the requests under way', async () => {
    const { sessions, picks } = await twoSessions(100, 250)
    sessions[0].load = 1
    expect(picks()).toBe('s0')
    sessions[0].load = 2
    expect(picks()).toBe('s1')
  })

  it('believes a longer time at once, shorter ones by and by', async () => {
    const { balancer, clock, sessions, picks } = await twoSessions(100, 200)
    end(balancer, clock, sessions[0], 5_000)
    expect(picks()).toBe('s1')
    // 4,900 · e^(-0.1) more than 100: still slow.
    clock.advance(MINUTE / 10)
    end(balancer, clock, sessions[0], 100)
    sessions[0].load = sessions[1].load = 1
    expect(picks()).toBe('s1')
    clock.advance(MINUTE * 5)
    end(balancer, clock, sessions[0], 100)
    expect(picks()).toBe('s0')
  })

  it('never takes a session for faster while a request is running on it, however long', async () => {
    const { clock, sessions, picks } = await twoSessions(5_000, 200)
    sessions[0].load = 1
    sessions[1].load = 20
    expect(picks()).toBe('s1')
    clock.advance(MINUTE * 1_000)
    expect(picks()).toBe('s1')
  })

  it('forgets while a session is idle, towards what is usual', async () => {
    const { clock, sessions, picks } = await twoSessions(5_000, 200)
    sessions[1].load = 20
    expect(picks()).toBe('s1')
    clock.advance(MINUTE * 1_000)
    expect(picks()).toBe('s0')
    // Not to nothing: what has been idle for long is no faster than the usual.
    sessions[1].load = 0
    expect(picks()).toBe('s0,s1')
  })

  it('forgets by its decay, and by a hundred times the mean request where it has none', async () => {
    for (const [options, afterMs, expected] of [
      [{ decay: '1s' }, 10_000, 's0'], [{ decay: '1h' }, 10_000, 's1'], [{}, 10_000, 's1'], [{}, 1_500_000, 's0'],
    ] as const) {
      const { clock, sessions, picks } = await twoSessions(5_000, 200, options)
      sessions[1].load = 14
      clock.advance(afterMs)
      expect([options, picks()]).toEqual([options, expected])
    }
  })

  it('goes by load while nothing is known of one of them', async () => {
    const { balancer, sessions } = await twoSessions(5_000, 200)
    const [fresh] = withLoads(1)
    expect(balancer.pick([sessions[0], fresh!], REQUEST)).toBe(sessions[0])
    fresh!.load = 0
    sessions[0].load = 1
    expect(balancer.pick([sessions[0], fresh!], REQUEST)).toBe(fresh)
  })

  it('does not take a session for fast that fails fast, nor forget a slow one because callers give up', async () => {
    const { balancer, clock, sessions, picks } = await twoSessions(900, 500)
    clock.advance(MINUTE)
    for (let n = 0; n < 50; n++) end(balancer, clock, sessions[0], 1, n % 2 === 0 ? 'failed' : 'aborted')
    sessions[0].load = sessions[1].load = 1
    expect(picks()).toBe('s1')
  })

  it('learns from a request that was given up that it takes at least as long', async () => {
    const { balancer, clock, sessions, picks } = await twoSessions(100, 500)
    expect(picks()).toBe('s0')
    end(balancer, clock, sessions[0], 3_000, 'timed-out')
    expect(picks()).toBe('s1')
  })

  it('knows a session by its first time-out, but not by its first failure', async () => {
    const { balancer, clock, sessions } = await twoSessions(100, 500)
    const [fresh] = withLoads(0)
    end(balancer, clock, fresh!, 1, 'failed')
    // Unknown: the lower load decides.
    sessions[0].load = 1
    expect(balancer.pick([sessions[0], fresh!], REQUEST)).toBe(fresh)
    end(balancer, clock, fresh!, 3_000, 'timed-out')
    expect(balancer.pick([sessions[0], fresh!], REQUEST)).toBe(sessions[0])
  })
})
