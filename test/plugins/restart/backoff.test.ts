import { describe, expect, it } from 'vitest'
import backoff from '../../../plugins/restart/backoff.ts'
import type { Failure, Random, RestartDecision, RestartPolicy } from '../../../src/contracts/index.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const START: Failure = { phase: 'start', readyForMs: 0 }
const crashAfter = (readyForMs: number): Failure => ({ phase: 'crash', readyForMs })
/** The longest delay there can be. */
const always: Random = { next: () => 1 - Number.EPSILON }

async function make(options: unknown = {}, random: Random = always): Promise<{ policy: RestartPolicy; clock: ManualClock }> {
  const { strategy, clock } = await makeStrategy('restart', 'backoff', backoff, options, { random })
  return { policy: strategy, clock }
}

const delayOf = (decision: RestartDecision): number => {
  if (decision.action === 'open') throw new Error(`the breaker opened: ${decision.reason}`)
  return decision.delayMs
}

describe('the back-off', () => {
  it('doubles its bound with each failure in a row, up to the longest', async () => {
    const { policy } = await make({ initial: '100ms', longest: '1s', maxCrashes: 100 })
    const delays = Array.from({ length: 7 }, () => delayOf(policy.failed(START)))
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000])
  })

  it('stays at the longest, however many failures there are', async () => {
    const { policy } = await make({ initial: 1, longest: 500, maxCrashes: 5_000, within: '1h' })
    for (let n = 0; n < 1_500; n++) expect(delayOf(policy.failed(START))).toBeLessThanOrEqual(500)
    expect(delayOf(policy.failed(START))).toBe(500)
  })

  it('draws each delay evenly from the whole of its bound, so that hosts that failed together do not come back together', async () => {
    const { policy, clock } = await make({ initial: 1_000 }, seededRandom(11))
    const delays = Array.from({ length: 2_000 }, () => {
      policy.ready()
      clock.advance(60_000)
      return delayOf(policy.failed(START))
    })
    expect(Math.min(...delays)).toBeLessThan(20)
    expect(Math.max(...delays)).toBeGreaterThan(980)
    // The mean of an even draw is 500; five standard errors of it are 32.
    expect(Math.abs(delays.reduce((sum, delay) => sum + delay, 0) / delays.length - 500)).toBeLessThan(32)
  })

  it('begins anew when a session has become ready', async () => {
    const { policy } = await make({ initial: 100, maxCrashes: 100 })
    policy.failed(START)
    policy.failed(START)
    policy.ready()
    expect(delayOf(policy.failed(crashAfter(10)))).toBe(100)
  })

  it('begins anew after the crash of a session that had been ready for stableAfter', async () => {
    const { policy } = await make({ initial: 100, maxCrashes: 3, stableAfter: '10s' })
    policy.failed(START)
    policy.failed(START)
    expect(delayOf(policy.failed(crashAfter(10_000)))).toBe(100)
    expect(delayOf(policy.failed(crashAfter(9_999)))).toBe(200)
    expect(policy.failed(crashAfter(9_999)).action).toBe('open')
  })

  it('never takes a failed start for a stable session', async () => {
    const { policy } = await make({ maxCrashes: 2, stableAfter: 0 })
    policy.failed(START)
    expect(policy.failed(START).action).toBe('open')
    expect(policy.failed(crashAfter(0)).action).toBe('open')
  })
})

describe('the breaker', () => {
  it('opens at maxCrashes failures within the window, with the reason', async () => {
    const { policy, clock } = await make({ maxCrashes: 3, within: '30s', cooldown: '7s' })
    policy.failed(START)
    clock.advance(10_000)
    policy.failed(crashAfter(1))
    clock.advance(10_000)
    expect(policy.failed(START)).toEqual({ action: 'open', cooldownMs: 7_000, reason: '3 failures within 30s' })
  })

  it('does not count failures that are older than the window', async () => {
    const { policy, clock } = await make({ maxCrashes: 3, within: '30s' })
    for (let n = 0; n < 20; n++) {
      expect(policy.failed(START).action).toBe('retry')
      clock.advance(15_000)
    }
    policy.failed(START)
    expect(policy.failed(START).action).toBe('open')
  })

  it('counts crashes of sessions that became ready in between: a program that starts well and dies soon fails all the same', async () => {
    const { policy } = await make({ maxCrashes: 3 })
    for (let n = 0; n < 2; n++) {
      expect(policy.failed(crashAfter(5)).action).toBe('retry')
      policy.ready()
    }
    expect(policy.failed(crashAfter(5)).action).toBe('open')
  })

  it('opens again when the start that was tried after the break fails, however long the break was', async () => {
    const { policy, clock } = await make({ maxCrashes: 3, within: '1s', cooldown: '60s' })
    for (let n = 0; n < 3; n++) policy.failed(START)
    clock.advance(60_000)
    expect(policy.failed(START)).toEqual({ action: 'open', cooldownMs: 60_000, reason: 'the one start that was tried failed, too' })
  })

  it('closes when the start that was tried succeeds', async () => {
    const { policy, clock } = await make({ initial: 100, maxCrashes: 3, within: '1s', cooldown: '60s' })
    for (let n = 0; n < 3; n++) policy.failed(START)
    clock.advance(60_000)
    policy.ready()
    expect(delayOf(policy.failed(START))).toBe(100)
  })

  it('opens at the first failure with maxCrashes 1', async () => {
    const { policy } = await make({ maxCrashes: 1 })
    expect(policy.failed(crashAfter(5))).toMatchObject({ action: 'open', reason: '1 failure within 30s' })
  })

  it('keeps no more failures than it needs to count', async () => {
    const { policy } = await make({ maxCrashes: 2, within: '1h' })
    for (let n = 0; n < 10_000; n++) policy.failed(START)
    expect(policy.failed(START)).toMatchObject({ reason: '2 failures within 1h' })
  })
})

describe('the options of backoff', () => {
  const problems = (options: unknown) => problemsWith('restart', 'backoff', backoff, options)

  it('have defaults', async () => {
    const { policy } = await make()
    expect(Array.from({ length: 4 }, () => delayOf(policy.failed(START)))).toEqual([50, 100, 200, 400])
    expect(policy.failed(START)).toEqual({ action: 'open', cooldownMs: 10_000, reason: '5 failures within 30s' })
  })

  it('refuse what would make no back-off and no breaker', async () => {
    expect(await problems({ initial: 0 })).toHaveLength(1)
    expect(await problems({ maxCrashes: 0 })).toHaveLength(1)
    expect(await problems({ maxCrashes: 1.5 })).toHaveLength(1)
    expect(await problems({ cooldown: 0 })).toHaveLength(1)
    expect(await problems({ within: 'soon' })).toHaveLength(1)
    expect(await problems({ maxCrash: 3 })).toEqual([expect.stringContaining('maxCrash')])
  })
})
