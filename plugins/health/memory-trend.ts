import {
  definePlugin, duration, formatDuration, formatSize, size, z, type Clock, type HealthCheck, type HealthSubject, type HealthVerdict, type SessionView,
} from 'greenroom/kit'
import { trendOf, type Point } from './parts/trend.ts'

const options = z.strictObject({
  perHour: size({ min: 1 }).default(100 * 2 ** 20)
    .describe('A session whose resident memory grows by more than this in an hour is unhealthy. Default 100MB.'),
  window: duration({ min: 1_000 }).default(30 * 60_000)
    .describe('The time whose measurements count. Nothing is said of a session before they cover all of it. Default 30m.'),
  confidence: z.number().gt(0.5).lt(1).default(0.95)
    .describe('How sure it must be that memory grows by more than that, as a share of 1. Default 0.95.'),
})

declare module 'greenroom/kit' {
  interface HealthOptions {
    'memory-trend': z.input<typeof options>
  }
}

const HOUR = 3_600_000
/** Points kept of a window: n of them have n²/2 slopes. */
const MOST = 60
/** Nothing is said by fewer. */
const FEWEST = 8

/**
 * Finds sessions that leak: the slope of their memory over a window, taken when they are idle, by a robust fit with a confidence bound. A step (a
 * cache that filled, a file that was read) is no trend. It needs `metrics`; what was not measured does not count (INV 27).
 */
class MemoryTrend implements HealthCheck {
  readonly #clock: Clock
  readonly #options: z.output<typeof options>
  readonly #points = new WeakMap<SessionView, Point[]>()

  constructor(clock: Clock, given: z.output<typeof options>) {
    this.#clock = clock
    this.#options = given
  }

  check({ session }: HealthSubject): Promise<HealthVerdict> {
    return Promise.resolve(this.#verdict(this.#note(session)))
  }

  /** What is known of the session by now: the window, and one point before it, so that it is covered. */
  #note(session: SessionView): readonly Point[] {
    const { window } = this.#options
    const points = this.#points.get(session) ?? []
    this.#points.set(session, points)
    const at = this.#clock.now()
    const memory = session.usage?.memoryBytes
    const last = points.at(-1)
    if (memory !== undefined && (!last || at - last.at >= window / MOST)) points.push({ at, value: memory })
    while (points[1] && at - points[1].at >= window) points.shift()
    return points
  }

  #verdict(points: readonly Point[]): HealthVerdict {
    const { perHour, window, confidence } = this.#options
    const covered = points.length >= FEWEST && this.#clock.now() - points[0]!.at >= window
    const trend = covered ? trendOf(points, confidence) : undefined
    if (!trend) return { healthy: undefined, reason: `too little was measured of it yet to know its trend over ${formatDuration(window)}` }
    const growth = `its memory grows by ${formatSize(Math.max(0, trend.slope * HOUR))} an hour over ${formatDuration(window)}`
    if (trend.atLeast * HOUR > perHour) return { healthy: false, reason: `${growth}, which is more than ${formatSize(perHour)} (health.perHour)` }
    return { healthy: true, reason: growth }
  }
}

export default definePlugin({
  name: 'memory-trend',
  apply(kernel) {
    kernel.strategy('health', 'memory-trend', {
      description: 'Whether its memory keeps growing: finds programs that leak long before they reach a limit.',
      options,
      create: (given, { clock }) => new MemoryTrend(clock, given),
    })
  },
})
