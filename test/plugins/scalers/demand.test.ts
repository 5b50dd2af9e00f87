import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import demand from '../../../plugins/scalers/demand.ts'
import type { ScaleDecision, Scaler, ScaleView } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const NOBODY: ScaleView = {
  size: 0, starting: 0, busy: 0, idleBound: 0, idleSpare: 0, idleSpareFresh: 0, checking: 0, waiting: 0, min: 0, max: 100, spare: 0,
  meanCpuPercent: undefined, totalMemoryBytes: undefined,
}
const { strategy } = await makeStrategy('scaler', 'demand', demand)
const decide = (view: Partial<ScaleView>, scaler: Scaler = strategy): ScaleDecision => scaler.decide({ ...NOBODY, ...view }, 'tick')

describe('the scaler demand', () => {
  it('wants nobody where nobody is asked for, and says so', () => {
    expect(decide({})).toEqual({ target: 0, reason: 'no demand' })
  })

  it('never wants fewer than min, and says when that is why', () => {
    expect(decide({ min: 3 })).toEqual({ target: 3, reason: 'no demand, and 3 is the least (size.min)' })
    expect(decide({ min: 3, busy: 1, spare: 1 }).reason).toBe('1 busy, 1 spare, and 3 is the least (size.min)')
    expect(decide({ min: 3, busy: 3 })).toEqual({ target: 3, reason: '3 busy' })
    expect(decide({ min: 3, busy: 5 }).target).toBe(5)
  })

  it('wants those in use, those tenants may come back to, and one more for each caller who waits', () => {
    expect(decide({ busy: 4, idleBound: 2, waiting: 3 })).toEqual({ target: 9, reason: '4 busy, 2 kept for their tenants, 3 waited for' })
  })

  it('wants the spares on top of the work, also when callers wait', () => {
    expect(decide({ spare: 2 })).toEqual({ target: 2, reason: '2 spare' })
    expect(decide({ spare: 2, busy: 1, waiting: 5 }).target).toBe(8)
  })

  it('keeps spares beyond those asked for while they are fresh, and lets them go afterwards', () => {
    expect(decide({ spare: 1, idleSpare: 5, idleSpareFresh: 4, size: 5 }).target).toBe(4)
    expect(decide({ spare: 1, idleSpare: 5, idleSpareFresh: 0, size: 5 }).target).toBe(1)
  })

  it('takes a session that is being probed for a spare, except where somebody waits now', () => {
    expect(decide({ spare: 1, checking: 1, size: 1 })).toEqual({ target: 1, reason: '1 being probed' })
    expect(decide({ spare: 1, checking: 1, size: 1, waiting: 1 }).target).toBe(3)
  })

  it('wants at least what is in use and waited for, and never more because of less demand', () => {
    const count = fc.nat({ max: 50 })
    const views = fc.record({ busy: count, idleBound: count, idleSpareFresh: count, checking: count, waiting: count, min: count, spare: count })
    fc.assert(fc.property(views, (view) => {
      const { target, reason } = decide(view)
      expect(target).toBeGreaterThanOrEqual(Math.max(view.min, view.busy + view.waiting))
      expect(Number.isInteger(target)).toBe(true)
      expect(reason).not.toBe('')
      expect(decide({ ...view, busy: view.busy + 1 }).target).toBeGreaterThanOrEqual(target)
      expect(decide({ ...view, waiting: view.waiting + 1 }).target).toBeGreaterThanOrEqual(target)
    }))
  })

  it('has no options', async () => {
    expect(await problemsWith('scaler', 'demand', demand, { spare: 1 })).toEqual([expect.stringContaining('spare')])
  })
})
