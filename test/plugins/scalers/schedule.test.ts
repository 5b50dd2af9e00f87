import { describe, expect, it } from 'vitest'
import { createInMemoryWorld } from 'greenroom/testing'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { makeScaler, type MadeScaler } from './support.ts'

const BERLIN = 'Europe/Berlin'

/** A schedule, and its target at a time. */
async function at(options: object): Promise<(time: string) => number> {
  const made = await makeScaler('schedule', options)
  return (time) => {
    travel(made, time)
    return made.target({})
  }
}

function travel({ clock }: MadeScaler, time: string): void {
  clock.advance(Date.parse(time) - clock.wallTime())
}

describe('the scaler schedule', () => {
  it('has so many sessions as the time of day says, to the minute', async () => {
    const target = await at({ sizes: [{ from: '09:00', to: '17:30', size: 20 }], otherwise: 2, timeZone: 'UTC' })
    // A Thursday.
    expect(['08:59:59', '09:00:00', '17:29:59', '17:30:00', '23:59:59'].map((time) => target(`2030-01-03T${time}Z`))).toEqual([2, 20, 20, 2, 2])
  })

  it('goes by the days of the week', async () => {
    const target = await at({
      sizes: [{ days: 'mon-fri', from: '00:00', to: '24:00', size: 5 }, { days: ['sat'], from: '12:00', to: '13:00', size: 3 }], timeZone: 'UTC',
    })
    expect(['2030-01-04T23:59Z', '2030-01-05T00:00Z', '2030-01-05T12:30Z', '2030-01-06T12:30Z', '2030-01-07T00:00Z'].map(target)).toEqual([5, 0, 3, 0, 5])
  })

  it('goes on past midnight, also from Sunday to Monday', async () => {
    const target = await at({ sizes: [{ days: ['sun', 'wed'], from: '22:00', to: '06:00', size: 4 }], timeZone: 'UTC' })
    expect(['2030-01-06T21:59Z', '2030-01-06T22:00Z', '2030-01-07T05:59Z', '2030-01-07T06:00Z', '2030-01-09T23:00Z', '2030-01-10T05:00Z'].map(target))
      .toEqual([0, 4, 4, 0, 4, 4])
  })

  it('goes over the end of the week in its days', async () => {
    const target = await at({ sizes: [{ days: 'sat-mon', from: '10:00', to: '11:00', size: 1 }], timeZone: 'UTC' })
    expect(['2030-01-04', '2030-01-05', '2030-01-06', '2030-01-07', '2030-01-08'].map((day) => target(`${day}T10:30Z`))).toEqual([0, 1, 1, 1, 0])
  })

  it('goes by the clock on the wall of its time zone, in summer and in winter', async () => {
    const target = await at({ sizes: [{ from: '09:00', to: '10:00', size: 1 }], timeZone: BERLIN })
    expect(['2030-01-03T08:00Z', '2030-01-03T07:59Z', '2030-07-03T07:00Z', '2030-07-03T08:00Z'].sort().map(target)).toEqual([0, 1, 1, 0])
    const there = await at({ sizes: [{ from: '00:00', to: '24:00', days: 'fri', size: 1 }], timeZone: 'Asia/Tokyo' })
    expect(there('2030-01-03T15:00Z')).toBe(1)
  })

  it('says what it goes by', async () => {
    const made = await makeScaler('schedule', { sizes: [{ days: 'thu', from: '09:00', to: '17:05', size: 20 }], otherwise: 1, timeZone: 'UTC' })
    travel(made, '2030-01-03T10:00Z')
    expect(made.decide({}).reason).toBe('20 until thu 17:05 by the schedule')
    travel(made, '2030-01-03T20:00Z')
    expect(made.decide({}).reason).toBe('1 at other times than those of the schedule')
    expect(made.decide({ min: 2 })).toEqual({ target: 2, reason: '1 at other times than those of the schedule, and 2 is the least (size.min)' })
  })

  it('has one for who waits while there is to be none', async () => {
    const { decide } = await makeScaler('schedule', { sizes: [{ from: '00:00', to: '24:00', size: 0 }] })
    expect(decide({ waiting: 3 })).toEqual({ target: 1, reason: 'none by the schedule, and one for who waits' })
  })

  it('is the least beside another scaler, with max, and the most, with min', async () => {
    const schedule = { use: 'schedule', sizes: [{ from: '00:00', to: '24:00', size: 5 }] }
    const [least, most] = [await makeScaler('max', { of: ['demand', schedule] }), await makeScaler('min', { of: ['demand', schedule] })]
    expect([least.target({ busy: 1 }), least.target({ busy: 9 })]).toEqual([5, 9])
    expect([most.target({ busy: 1 }), most.target({ busy: 9 })]).toEqual([1, 5])
  })

  it('scales a pool', async () => {
    const world = createInMemoryWorld()
    const pool = await world.createPool({ size: { max: 9 }, scaler: { use: 'schedule', sizes: [{ days: 'mon-sun', from: '00:00', to: '24:00', size: 4 }] } })
    await world.clock.settle()
    expect(pool.getPoolStats().size).toBe(4)
    const closed = pool.close()
    await world.clock.runUntilIdle()
    await closed
  })

  const day = { from: '09:00', to: '17:00', size: 1 }
  it.each<[string, object, string]>([
    ['no sizes', { sizes: [] }, 'scaler.sizes: Too small'],
    ['a bad time', { sizes: [{ ...day, from: '9:00' }] }, `scaler.sizes[0].from: "9:00" is no time of day: give hours and minutes from '00:00' to '24:00'`],
    ['a time beyond the day', { sizes: [{ ...day, to: '24:01' }] }, 'scaler.sizes[0].to: "24:01" is no time of day'],
    ['minutes beyond the hour', { sizes: [{ ...day, to: '12:60' }] }, 'scaler.sizes[0].to: "12:60" is no time of day'],
    ['a beginning at the end', { sizes: [{ ...day, from: '24:00' }] }, 'scaler.sizes[0]: from must be before 24:00'],
    ['a bad day', { sizes: [{ ...day, days: 'monday' }] }, `scaler.sizes[0].days: "monday" names no days: give one of mon, tue, wed, thu, fri, sat, sun, or several such as 'mon-fri'`],
    ['a bad day of several', { sizes: [{ ...day, days: ['mon', 'fri-sat-sun'] }] }, 'scaler.sizes[0].days[1]: "fri-sat-sun" names no days'],
    ['half a session', { sizes: [{ ...day, size: 0.5 }] }, 'scaler.sizes[0].size: expected int'],
    ['fewer than none', { sizes: [day], otherwise: -1 }, 'scaler.otherwise: Too small'],
    ['an unknown zone', { sizes: [day], timeZone: 'Berlin' }, "scaler.timeZone: unknown time zone: give an IANA name such as 'Europe/Berlin'"],
    ['an overlap', { sizes: [day, { ...day, from: '16:00', to: '18:00', days: 'tue' }] }, 'scaler.sizes[1]: it overlaps with sizes[0] from tue 16:00 on: one time has one size'],
    ['an overlap past midnight', { sizes: [{ ...day, days: 'mon', from: '00:00' }, { ...day, days: 'sun', from: '22:00', to: '01:00' }] }, 'scaler.sizes[1]: it overlaps with sizes[0] from mon 00:00 on'],
    ['an unknown option', { sizes: [day], zone: 'UTC' }, 'scaler.zone: unknown option "zone". Known: sizes, otherwise, timeZone'],
    ['an unknown option of a size', { sizes: [{ ...day, until: '1' }] }, 'scaler.sizes[0].until: unknown option "until". Known: days, from, to, size'],
  ])('refuses %s, in words that help', async (_what, options, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ scaler: { use: 'schedule', ...options } as never }))
    expect(error.message).toContain(message)
  })
})
