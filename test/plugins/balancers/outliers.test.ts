import { describe, expect, it } from 'vitest'
import type { Balancer, SessionView, StrategyContext } from '../../../src/contracts/index.ts'
import { countPicks, makeBalancer, REQUEST, withLoads } from './support.ts'

const SECOND = 1_000

/** A balancer with outlier ejection that knows so many sessions. */
async function withSessions(count: number, outliers: object = {}, use = 'random', options: object = {}) {
  const told: string[] = []
  const explain: StrategyContext['explain'] = (reason, session) => void told.push(`${session?.id}: ${typeof reason === 'string' ? reason : reason()}`)
  const { balancer, clock } = await makeBalancer(use, { ...options, outliers }, undefined, { explain })
  const sessions = withLoads(...new Array<number>(count).fill(0))
  for (const session of sessions) balancer.joined!(session)
  return { balancer, clock, sessions, told, out: () => missing(balancer, sessions) }
}

/** Those that are never picked. */
function missing(balancer: Balancer, sessions: readonly SessionView[]): string[] {
  const counts = countPicks(balancer, sessions, sessions.length * 40)
  return sessions.map(({ id }) => id).filter((id) => counts[id] === undefined)
}

function fail(balancer: Balancer, session: SessionView, times: number, outcome: 'failed' | 'timed-out' = 'failed'): void {
  for (let n = 0; n < times; n++) balancer.ended!(session, outcome, 10)
}

describe('outlier ejection', () => {
  it('passes over a session after five errors in a row, and not after four', async () => {
    const { balancer, sessions, out } = await withSessions(20)
    fail(balancer, sessions[3]!, 4)
    expect(out()).toEqual([])
    fail(balancer, sessions[3]!, 1, 'timed-out')
    expect(out()).toEqual(['s3'])
  })

  it('counts errors in a row only, by the number it is told', async () => {
    const { balancer, sessions, out } = await withSessions(20, { errors: 2 })
    for (let n = 0; n < 10; n++) {
      fail(balancer, sessions[0]!, 1)
      balancer.ended!(sessions[0]!, 'answered', 10)
    }
    expect(out()).toEqual([])
    // What the caller gave up says nothing, neither good nor bad.
    fail(balancer, sessions[0]!, 1)
    for (const outcome of ['aborted', 'lost'] as const) for (let n = 0; n < 10; n++) balancer.ended!(sessions[0]!, outcome, 10)
    expect(out()).toEqual([])
    fail(balancer, sessions[0]!, 1)
    expect(out()).toEqual(['s0'])
  })

  it('lets it return at the first sweep after its time', async () => {
    const { balancer, clock, sessions, out } = await withSessions(20)
    clock.advance(3 * SECOND)
    fail(balancer, sessions[0]!, 5)
    // Out until 33 s; sweeps are at 10, 20, 30, 40 s.
    clock.advance(36.9 * SECOND)
    expect(out()).toEqual(['s0'])
    clock.advance(0.1 * SECOND)
    expect(out()).toEqual([])
  })

  it('says why a session is out, for how long, and when it is in again', async () => {
    const { balancer, clock, sessions, told, out } = await withSessions(20, { errors: 2, eject: '30s' })
    fail(balancer, sessions[4]!, 2)
    expect(told).toEqual(['s4: ejected for 30s: 2 requests in a row failed'])
    clock.advance(40 * SECOND)
    expect(out()).toEqual([])
    fail(balancer, sessions[4]!, 2)
    expect(told.slice(1)).toEqual(['s4: no longer ejected: its time was over', expect.stringMatching(/^s4: ejected for /)])
  })

  it('goes by its options for the time and the sweeps', async () => {
    const { balancer, clock, sessions, out } = await withSessions(20, { eject: '5s', sweep: '2s' })
    fail(balancer, sessions[0]!, 5)
    clock.advance(5.9 * SECOND)
    expect(out()).toEqual(['s0'])
    clock.advance(0.1 * SECOND)
    expect(out()).toEqual([])
  })

  it('ejects for longer each time, ten times as long at most', async () => {
    const { balancer, clock, sessions } = await withSessions(20, { errors: 1 })
    const outFor: number[] = []
    for (let times = 0; times < 13; times++) {
      fail(balancer, sessions[0]!, 1)
      let seconds = 0
      while (missing(balancer, sessions).length > 0) {
        clock.advance(10 * SECOND)
        seconds += 10
      }
      outFor.push(seconds)
    }
    expect(outFor).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300])
  })

  it('forgives one ejection with each sweep of good conduct', async () => {
    const { balancer, clock, sessions, out } = await withSessions(20, { errors: 1 })
    const ejectFor = (seconds: number): void => {
      fail(balancer, sessions[0]!, 1)
      clock.advance((seconds - 1) * SECOND)
      expect(out()).toEqual(['s0'])
      clock.advance(1 * SECOND)
      expect(out()).toEqual([])
    }
    ejectFor(30)
    ejectFor(60)
    ejectFor(90)
    clock.advance(20 * SECOND)
    ejectFor(60)
    clock.advance(1_000 * SECOND)
    ejectFor(30)
  })

  it('has no more out at once than its share of all, but always one', async () => {
    const many = await withSessions(30)
    for (const session of many.sessions.slice(0, 5)) fail(many.balancer, session, 5)
    expect(many.out()).toEqual(['s0', 's1', 's2'])
    const half = await withSessions(6, { max: 50 })
    for (const session of half.sessions) fail(half.balancer, session, 5)
    expect(half.out()).toEqual(['s0', 's1', 's2'])
    const few = await withSessions(3)
    for (const session of few.sessions) fail(few.balancer, session, 5)
    expect(few.out()).toEqual(['s0'])
  })

  it('has room for another when one has returned or has left', async () => {
    const { balancer, clock, sessions, out } = await withSessions(10)
    fail(balancer, sessions[0]!, 5)
    fail(balancer, sessions[1]!, 5)
    expect(out()).toEqual(['s0'])
    balancer.left!(sessions[0]!)
    const rest = sessions.slice(1)
    fail(balancer, sessions[1]!, 5)
    expect(missing(balancer, rest)).toEqual(['s1'])
    clock.advance(30 * SECOND)
    fail(balancer, sessions[2]!, 5)
    expect(missing(balancer, rest)).toEqual(['s2'])
  })

  it('counts who has left no more', async () => {
    const { balancer, sessions } = await withSessions(20)
    for (const session of sessions.slice(10)) balancer.left!(session)
    fail(balancer, sessions[0]!, 5)
    fail(balancer, sessions[1]!, 5)
    expect(missing(balancer, sessions.slice(0, 10))).toEqual(['s0'])
  })

  it('chooses one that is out when nobody else is there', async () => {
    const { balancer, sessions } = await withSessions(5, { max: 100 })
    for (const session of sessions) fail(balancer, session, 5)
    expect(missing(balancer, sessions)).toEqual([])
    expect(balancer.pick([sessions[2]!], REQUEST)).toBe(sessions[2])
  })

  it('does not count the errors of requests that were under way when it was ejected', async () => {
    const { balancer, clock, sessions, out } = await withSessions(20, { errors: 2 })
    fail(balancer, sessions[0]!, 3)
    clock.advance(30 * SECOND)
    expect(out()).toEqual([])
    fail(balancer, sessions[0]!, 1)
    expect(out()).toEqual([])
  })

  it('leaves the choice among the others to the balancer it is around', async () => {
    const { balancer, sessions } = await withSessions(4, {}, 'best-of-all', { metric: 'peak-ewma' })
    for (const [n, session] of sessions.entries()) balancer.ended!(session, 'answered', 100 * (n + 1))
    expect(countPicks(balancer, sessions, 50)).toEqual({ s0: 50 })
    fail(balancer, sessions[0]!, 5)
    expect(countPicks(balancer, sessions, 50)).toEqual({ s1: 50 })
  })
})
