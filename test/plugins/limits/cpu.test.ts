import { describe, expect, it, onTestFinished } from 'vitest'
import cpu from '../../../plugins/limits/cpu.ts'
import type { LimitVerdict } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const OUTPUT = { stdoutBytes: 0 }

async function make(options: unknown) {
  const { strategy, clock } = await makeStrategy('limit', 'cpu', cpu, options)
  const session = sessionView()
  /** The verdicts on measurements a second apart. */
  const judge = (...percents: (number | undefined)[]): LimitVerdict[] => percents.map((cpuPercent) => {
    clock.advance(1_000)
    return strategy.judge(session, cpuPercent === undefined ? {} : { cpuPercent }, OUTPUT)
  })
  const actions = (...percents: (number | undefined)[]): string[] => judge(...percents).map(({ action }) => action)
  return { judge, actions, strategy, clock }
}

describe('the limit cpu', () => {
  it('acts when the mean of the whole span is more than the limit, not before', async () => {
    const { actions } = await make({ percent: 100, for: '3s', then: 'recycle' })
    expect(actions(500, 150, 150, 90, 90)).toEqual(['ok', 'ok', 'ok', 'recycle', 'recycle'])
    expect(actions(90, 90)).toEqual(['ok', 'ok'])
  })

  it('tells the figures', async () => {
    const { judge } = await make({ percent: 100, for: '2s', then: 'end' })
    const reason = 'it used 175 % of a core over 2s, its limit is 100 % (limits.cpu)'
    expect(judge(0, 150, 200).at(-1)).toEqual({
      action: 'end', code: 'SESSION_CPU_LIMIT', reason, limit: { name: 'limits.cpu.percent', used: 175, allowed: 100 },
    })
  })

  it('only reports, where that is all it shall do', async () => {
    const { actions } = await make({ percent: 100, for: '1s', then: 'report' })
    expect(actions(0, 150, 50)).toEqual(['ok', 'report', 'ok'])
  })

  it('recycles unless it is told otherwise, after ten seconds', async () => {
    const { actions } = await make({ percent: 100 })
    expect(actions(...Array.from({ length: 11 }, () => 101))).toEqual([...Array.from({ length: 10 }, () => 'ok'), 'recycle'])
  })

  it('judges nobody whose use is unknown, and counts unknown spans for nothing', async () => {
    const { actions } = await make({ percent: 100, for: '2s', then: 'end' })
    expect(actions(undefined, undefined, undefined, undefined)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(actions(200, undefined, 200)).toEqual(['ok', 'ok', 'end'])
  })

  it('forgets what it knew before a long gap', async () => {
    const { actions, clock } = await make({ percent: 100, for: '3s', then: 'end' })
    expect(actions(0, 200, 200)).toEqual(['ok', 'ok', 'ok'])
    clock.advance(10_000)
    expect(actions(200)).toEqual(['end'])
    const other = await make({ percent: 100, for: '3s', then: 'end' })
    expect(other.actions(0, 400, 400, 10, 10)).toEqual(['ok', 'ok', 'ok', 'end', 'end'])
    other.clock.advance(10_000)
    expect(other.actions(10)).toEqual(['ok'])
  })

  it('throttles to the share at which it uses as much as it may, and follows what it wants', async () => {
    const { judge } = await make({ percent: 100, for: '1s', then: 'throttle' })
    const held = (share: number): unknown => ({ action: 'throttle', share: expect.closeTo(share, 5), percent: 100, reason: expect.any(String) })
    expect(judge(0, 400)).toEqual([{ action: 'ok' }, held(0.25)])
    // It wants more, then less; never does it grow by more than twice at a time.
    expect(judge(100, 125, 80, 10)).toEqual([held(0.25), held(0.2), held(0.25), held(0.5)])
    expect(judge(150)).toEqual([held(1 / 3)])
  })

  it('lets go when all of the time would be no more than it may use, and begins to look anew', async () => {
    const { actions } = await make({ percent: 100, for: '2s', then: 'throttle' })
    expect(actions(0, 400, 400, 10, 10)).toEqual(['ok', 'ok', 'throttle', 'throttle', 'ok'])
    expect(actions(400, 400)).toEqual(['ok', 'throttle'])
    expect(actions(0)).toEqual(['ok'])
  })

  it('never holds anybody to less than a tenth of the time', async () => {
    const { judge } = await make({ percent: 10, for: '1s', then: 'throttle' })
    expect(judge(0, 1_600).at(-1)).toMatchObject({ share: 0.1 })
  })

  it('lets a throttled one go whose use has been unknown for as long as the span', async () => {
    const { actions } = await make({ percent: 100, for: '3s', then: 'throttle' })
    expect(actions(0, 400, 400, 400)).toEqual(['ok', 'ok', 'ok', 'throttle'])
    expect(actions(undefined, undefined, undefined, undefined)).toEqual(['throttle', 'throttle', 'ok', 'ok'])
  })

  it('tells sessions apart', async () => {
    const { strategy, clock } = await make({ percent: 100, for: '1s', then: 'end' })
    const [one, two] = [sessionView({ id: 'one' }), sessionView({ id: 'two' })]
    for (const session of [one, two]) strategy.judge(session, { cpuPercent: 0 }, OUTPUT)
    clock.advance(1_000)
    expect(strategy.judge(one, { cpuPercent: 200 }, OUTPUT).action).toBe('end')
    expect(strategy.judge(two, { cpuPercent: 20 }, OUTPUT).action).toBe('ok')
  })

  it('refuses options that make no sense, and to throttle where processes can not be stopped', async () => {
    expect(await problemsWith('limit', 'cpu', cpu, {})).toHaveLength(1)
    expect(await problemsWith('limit', 'cpu', cpu, { percent: 0 })).toHaveLength(1)
    expect(await problemsWith('limit', 'cpu', cpu, { percent: 50, for: 0 })).toHaveLength(1)
    expect(await problemsWith('limit', 'cpu', cpu, { percent: 50, then: 'kill' })).toHaveLength(1)
    const { platform } = process
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }))
    Object.defineProperty(process, 'platform', { value: 'win32' })
    await expect(make({ percent: 50, then: 'throttle' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(make({ percent: 50 })).resolves.toBeDefined()
  })
})
