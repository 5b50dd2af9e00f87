import { describe, expect, it } from 'vitest'
import output from '../../../plugins/limits/output.ts'
import type { SessionOutput, SessionView } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const KB = 2 ** 10

async function make(options: unknown) {
  const { strategy, clock } = await makeStrategy('limit', 'output', output, options)
  const session: { -readonly [Field in keyof SessionView]: SessionView[Field] } = sessionView({ leaseCount: 1, outstanding: 1 })
  /** The verdict a second later. */
  const judge = (stdoutKB: number, stderrKB?: number) => {
    clock.advance(1_000)
    const written: SessionOutput = { stdoutBytes: stdoutKB * KB, ...(stderrKB !== undefined && { stderrBytes: stderrKB * KB }) }
    return strategy.judge(session, {}, written)
  }
  return { judge, session, action: (...written: [number, number?]) => judge(...written).action }
}

describe('the limit output', () => {
  it('ends a session that writes too much a second over the span, with the figures', async () => {
    const { judge, action } = await make({ perSecond: '10KB', for: '2s' })
    expect([action(0, 0), action(8, 1), action(16, 2), action(30, 3)]).toEqual(['ok', 'ok', 'ok', 'end'])
    expect(judge(44, 4)).toEqual({
      action: 'end', code: 'SESSION_LIMIT', reason: 'it wrote 15KB a second for 2s, its limit is 10KB (limits.output.perSecond)',
      limit: { name: 'limits.output.perSecond', used: 15 * KB, allowed: 10 * KB },
    })
    expect([action(44, 4), action(44, 4)]).toEqual(['ok', 'ok'])
  })

  it('ends a session that writes too much in one lease; each lease begins anew', async () => {
    const { judge, action, session } = await make({ perLease: '10KB' })
    expect([action(5, 1), action(9, 1)]).toEqual(['ok', 'ok'])
    session.leaseCount = 2
    expect([action(12, 1), action(20, 0)]).toEqual(['ok', 'ok'])
    expect(judge(20, 1)).toMatchObject({ action: 'end', reason: 'it wrote 11KB in one lease, its limit is 10KB (limits.output.perLease)' })
    session.outstanding = 0
    expect(action(50, 1)).toBe('ok')
  })

  it('does not count what was written before an earlier lease was seen', async () => {
    const { action, session } = await make({ perLease: '10KB' })
    session.leaseCount = 3
    expect([action(500, 0), action(509, 0), action(511, 0)]).toEqual(['ok', 'ok', 'end'])
  })

  it('counts leases that share a session as one', async () => {
    const { action, session } = await make({ perLease: '10KB' })
    expect(action(6)).toBe('ok')
    Object.assign(session, { leaseCount: 2, outstanding: 2 })
    expect([action(9), action(11)]).toEqual(['ok', 'end'])
  })

  it.each<[string, [number, number?], string]>([
    ['stdout', [11, 0], 'end'], ['stdout', [1, 99], 'ok'], ['stderr', [99, 1], 'ok'], ['stderr', [0, 11], 'end'], ['stderr', [99], 'ok'],
    ['both', [6, 6], 'end'], ['both', [6], 'ok'],
  ])('counts %s, where that is what counts: %j is %s', async (of, written, expected) => {
    expect((await make({ perLease: '10KB', of })).action(...written)).toBe(expected)
  })

  it.each(['report', 'recycle'] as const)('does no more than it is told to: %s', async (then) => {
    expect((await make({ perLease: '1KB', then })).action(2)).toBe(then)
  })

  it('refuses options that make no sense', async () => {
    expect(await problemsWith('limit', 'output', output, {})).toEqual(['give perLease, perSecond or both'])
    for (const options of [{ perLease: 0 }, { perSecond: '1KB', for: 0 }, { perLease: 1, of: 'stdin' }, { perLease: 1, then: 'throttle' }]) {
      expect(await problemsWith('limit', 'output', output, options)).toHaveLength(1)
    }
  })
})
