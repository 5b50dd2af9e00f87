import { definePlugin, z, type Clock, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'
import { DAYS, daysOf, minutesOf, type Day, type Span, spansOf, timeText, WallClock } from './parts/calendar.ts'
import { atLeastMin } from './parts/decision.ts'

const time = z.string().transform((text, context) => {
  const minutes = minutesOf(text)
  if (minutes !== undefined) return minutes
  context.addIssue({ code: 'custom', message: `"${text}" is no time of day: give hours and minutes from '00:00' to '24:00'` })
  return z.NEVER
})

const days = z.string().transform((text, context) => {
  const named = daysOf(text)
  if (named) return named
  context.addIssue({ code: 'custom', message: `"${text}" names no days: give one of ${DAYS.join(', ')}, or several such as 'mon-fri'` })
  return z.NEVER
})

const rule = z
  .strictObject({
    days: z.union([days, z.array(days).min(1).transform((lists) => [...new Set(lists.flat())])]).default([...DAYS])
      .describe("Days of the week on which it begins: 'mon', 'mon-fri', or a list of such. Default: every day."),
    from: time.describe("Time of day, such as '09:00'. Required."),
    to: time.describe('Time of day at which it ends; one that is not later than from is of the next day. Required.'),
    size: z.int().min(0).describe('Sessions in that time. Required.'),
  })
  .refine(({ from }) => from < 24 * 60, { error: 'from must be before 24:00, which is 00:00 of the next day' })

const options = z
  .strictObject({
    sizes: z.array(rule).min(1).describe('When how many sessions are to be there; no two at one time. Required.'),
    otherwise: z.int().min(0).default(0).describe('Sessions at all other times. Default 0.'),
    timeZone: z.string().refine(isTimeZone, { error: "unknown time zone: give an IANA name such as 'Europe/Berlin'" }).optional()
      .describe("The time zone the times are of, by its IANA name such as 'Europe/Berlin'. Default: the system's."),
  })
  .superRefine(({ sizes }, context) => {
    for (const [index, { days: on, from, to }] of sizes.entries()) {
      const clash = spansOf(on, from, to).flatMap((span) => clashes(span, sizes.slice(0, index)))[0]
      if (clash) context.addIssue({ code: 'custom', path: ['sizes', index], message: `it overlaps with sizes[${clash.with}] from ${timeText(clash.at)} on: one time has one size` })
    }
  })

declare module 'greenroom/kit' {
  interface ScalerOptions {
    schedule: ScheduleOptions
  }
}

/** What a config gives. */
interface ScheduleOptions {
  sizes: readonly { days?: Day | `${Day}-${Day}` | readonly (Day | `${Day}-${Day}`)[]; from: string; to: string; size: number }[]
  otherwise?: number
  timeZone?: string
}

type Rule = z.output<typeof rule>
type Options = z.output<typeof options>

function clashes(span: Span, rules: readonly Rule[]): { with: number; at: number }[] {
  return rules.flatMap(({ days: on, from, to }, index) => spansOf(on, from, to)
    .filter((other) => span.from < other.to && other.from < span.to)
    .map((other) => ({ with: index, at: Math.max(span.from, other.from) })))
}

function isTimeZone(name: string): boolean {
  try {
    return new WallClock(name) instanceof WallClock
  } catch {
    return false
  }
}

/**
 * So many sessions as the time of day and week says, by the clock on the wall: also on the days on which that is put forward or back. Who
 * waits while there is to be none gets one. With 'max' it is the least there is beside a scaler that goes by demand, with 'min' the most.
 */
class Schedule implements Scaler {
  readonly #clock: Clock
  readonly #wall: WallClock
  readonly #spans: readonly (Span & { readonly size: number })[]
  readonly #otherwise: number

  constructor({ sizes, otherwise, timeZone }: Options, clock: Clock) {
    this.#clock = clock
    this.#wall = new WallClock(timeZone)
    this.#spans = sizes.flatMap(({ days: on, from, to, size }) => spansOf(on, from, to).map((span) => ({ ...span, size })))
    this.#otherwise = otherwise
  }

  decide(view: ScaleView): ScaleDecision {
    const minute = this.#wall.minuteOfWeek(this.#clock.wallTime())
    const span = this.#spans.find(({ from, to }) => minute >= from && minute < to)
    const size = span?.size ?? this.#otherwise
    if (size === 0 && view.waiting > 0 && view.busy === 0) return atLeastMin(view, 1, ['none by the schedule, and one for who waits'])
    return atLeastMin(view, size, [span ? `${size} until ${timeText(span.to)} by the schedule` : `${size} at other times than those of the schedule`])
  }
}

export default definePlugin({
  name: 'schedule',
  apply(kernel) {
    kernel.strategy('scaler', 'schedule', {
      description: 'Sizes by the time of day and week, in a time zone.',
      options,
      create: (chosen, { clock }) => new Schedule(chosen, clock),
    })
  },
})
