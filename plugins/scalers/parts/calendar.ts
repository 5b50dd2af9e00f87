/** Days of the week, as they are written, in the order of the week. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof DAYS)[number]

/** Minutes of a week, from Monday 00:00. */
export const WEEK = 7 * 24 * 60
const DAY = 24 * 60

/** From, to (exclusive), in minutes of the week. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Minutes of the day of `'09:30'`; `'24:00'` is the end of the day. `undefined` for what is no time of day. */
export function minutesOf(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text)
  if (!match) return undefined
  const [hours, minutes] = [Number(match[1]), Number(match[2])]
  return (hours < 24 && minutes < 60) || (hours === 24 && minutes === 0) ? hours * 60 + minutes : undefined
}

/** `'mon'` → `['mon']`; `'mon-fri'` → five days; `'sat-mon'` goes on over the end of the week. `undefined` for what is no such thing. */
export function daysOf(text: string): readonly Day[] | undefined {
  const [first, last, ...rest] = text.split('-') as (Day | undefined)[]
  const [start, end] = [DAYS.indexOf(first!), DAYS.indexOf(last ?? first!)]
  if (start < 0 || end < 0 || rest.length > 0) return undefined
  return Array.from({ length: ((end - start + 7) % 7) + 1 }, (_, n) => DAYS[(start + n) % 7]!)
}

/** The spans of a week that these times of these days make. One that ends before it begins goes on into the next day. */
export function spansOf(days: readonly Day[], from: number, to: number): readonly Span[] {
  return days.flatMap((day) => {
    const midnight = DAYS.indexOf(day) * DAY
    const [start, end] = [midnight + from, midnight + (to > from ? to : to + DAY)]
    return end <= WEEK ? [{ from: start, to: end }] : [{ from: start, to: WEEK }, { from: 0, to: end - WEEK }]
  })
}

/** The clock on the wall of a time zone. */
export class WallClock {
  readonly #format: Intl.DateTimeFormat
  #minute: number | undefined
  #known = 0

  /** @param timeZone As the IANA names them; `undefined`: that of the system. Throws a RangeError when it is unknown. */
  constructor(timeZone: string | undefined) {
    const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(timeZone !== undefined && { timeZone }) } as const
    this.#format = new Intl.DateTimeFormat('en-US', options)
  }

  /** The minute of the week it is there, at so many milliseconds since the Unix epoch. Figured out once a minute. */
  minuteOfWeek(epochMs: number): number {
    const minute = Math.floor(epochMs / 60_000)
    if (minute !== this.#minute) {
      this.#known = this.#figureOut(epochMs)
      this.#minute = minute
    }
    return this.#known
  }

  #figureOut(epochMs: number): number {
    const parts = new Map(this.#format.formatToParts(epochMs).map(({ type, value }) => [type, value]))
    const day = DAYS.indexOf(parts.get('weekday')!.toLowerCase() as Day)
    return day * DAY + Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
  }
}

/** `545` → `'mon 09:05'` */
export function timeText(minute: number): string {
  const ofDay = minute % DAY
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${DAYS[Math.floor(minute / DAY) % 7]!} ${two(Math.floor(ofDay / 60))}:${two(ofDay % 60)}`
}
