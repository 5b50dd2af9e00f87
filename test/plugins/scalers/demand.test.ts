import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import demand from '../../../plugins/scalers/demand.ts'
import { problemsWith } from '../../support/strategies.ts'
import { makeScaler } from './support.ts'

const { decide } = await makeScaler('demand')

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
    expect(decide({ spare: 1, idleSpare: 5, idleSpareFresh: 4 }).target).toBe(4)
    expect(decide({ spare: 1, idleSpare: 5, idleSpareFresh: 0 }).target).toBe(1)
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

  it('starts nothing for those whom the busy ones serve sooner than a start takes, and says so', () => {
    // Ten sessions serve 1,000 callers of 5 ms while one starts.
    expect(decide({ busy: 10, freeing: 10, waiting: 40, meanHoldMs: 5, meanStartMs: 500 })).toEqual({
      target: 10, reason: '10 busy, 0 for the 40 who wait (busy ones serve the others sooner)',
    })
  })

  it('starts for those who are left when a start is ready so many that all are served within one more', () => {
    // In 100 ms the one that is busy serves 20 of 50; the 30 left need 150 ms of one session, so another one.
    expect(decide({ busy: 1, freeing: 1, waiting: 50, meanHoldMs: 5, meanStartMs: 100 }).target).toBe(2)
    // Nobody is served sooner: one for each.
    expect(decide({ busy: 2, freeing: 2, waiting: 5, meanHoldMs: 10_000, meanStartMs: 100 }).target).toBe(7)
    // Nothing is busy: one at least, also when it does for all.
    expect(decide({ waiting: 1, meanHoldMs: 0, meanStartMs: 100 }).target).toBe(1)
    expect(decide({ waiting: 50, meanHoldMs: 5, meanStartMs: 100 }).target).toBe(3)
  })

  it('starts one for each caller while it is not known how long leases and starts take, or who serves them', () => {
    const known = { busy: 10, freeing: 10, waiting: 5, meanHoldMs: 5, meanStartMs: 500 }
    expect(decide(known).target).toBe(10)
    expect(decide({ ...known, meanHoldMs: undefined }).target).toBe(15)
    expect(decide({ ...known, meanStartMs: undefined }).target).toBe(15)
    expect(decide({ ...known, meanStartMs: 0 }).target).toBe(15)
    expect(decide({ ...known, freeing: 0, meanHoldMs: 500 }).target).toBe(15)
  })

  it('never wants fewer because more wait, and never more than one for each', () => {
    const count = fc.nat({ max: 50 })
    const time = fc.option(fc.double({ min: 0, max: 1e4, noNaN: true }), { nil: undefined })
    fc.assert(fc.property(count, count, count, time, time, (busy, freeing, waiting, meanHoldMs, meanStartMs) => {
      const view = { busy, freeing: Math.min(busy, freeing), meanHoldMs, meanStartMs }
      const { target } = decide({ ...view, waiting })
      expect(target).toBeGreaterThanOrEqual(busy)
      expect(target).toBeLessThanOrEqual(busy + waiting)
      expect(decide({ ...view, waiting: waiting + 1 }).target).toBeGreaterThanOrEqual(target)
    }))
  })

  it('has no options', async () => {
    expect(await problemsWith('scaler', 'demand', demand, { spare: 1 })).toEqual([expect.stringContaining('spare')])
  })
})
