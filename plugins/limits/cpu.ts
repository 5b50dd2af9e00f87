import { definePlugin, duration, formatDuration, GreenroomError, z, type Clock, type Limit, type LimitVerdict, type SessionView, type Usage } from 'greenroom/kit'
import { SpanMean } from './spans/span-mean.ts'

const options = z.strictObject({
  percent: z.number().min(1).describe('CPU use that a session may have, all its processes together, in percent of one core.'),
  for: duration({ min: 1 }).default(10_000).describe('The span over which the mean must be more than that. Default 10s.'),
  then: z.enum(['report', 'throttle', 'recycle', 'end']).default('recycle')
    .describe("What is done then: 'report' it as a decision, 'throttle' the session, 'recycle' it at its release, 'end' it now. Default 'recycle'."),
})

declare module 'greenroom/kit' {
  interface LimitOptions {
    cpu: z.input<typeof options>
  }
}

/** The share of one step to the next may not grow by more than this: one quiet measurement does not set a hungry session free. */
const FASTEST_GROWTH = 2
/** Below this nobody is held: a session that stands still nearly all the time is as good as ended. */
const LEAST_SHARE = 0.1

interface Watched {
  readonly mean: SpanMean
  /** While it is throttled. */
  share: number | undefined
  /** When its CPU use was last known. */
  knownAt: number
}

class CpuLimit implements Limit {
  readonly #clock: Clock
  readonly #percent: number
  readonly #spanMs: number
  readonly #then: z.output<typeof options>['then']
  readonly #watched = new WeakMap<SessionView, Watched>()

  constructor({ percent, for: spanMs, then }: z.output<typeof options>, clock: Clock) {
    this.#clock = clock
    this.#percent = percent
    this.#spanMs = spanMs
    this.#then = then
  }

  judge(session: SessionView, { cpuPercent }: Usage): LimitVerdict {
    const now = this.#clock.now()
    let watched = this.#watched.get(session)
    if (!watched) this.#watched.set(session, (watched = { mean: new SpanMean(this.#spanMs), share: undefined, knownAt: now }))
    watched.mean.add(cpuPercent, now)
    if (cpuPercent !== undefined) watched.knownAt = now
    if (watched.share !== undefined) return this.#steer(watched, cpuPercent, now)

    const { mean } = watched.mean
    if (mean === undefined || mean <= this.#percent) return { action: 'ok' }
    const reason = `it used ${Math.round(mean)} % of a core over ${formatDuration(this.#spanMs)}, its limit is ${this.#percent} % (limits.cpu)`
    switch (this.#then) {
      case 'end':
        return { action: 'end', code: 'SESSION_CPU_LIMIT', reason, limit: { name: 'limits.cpu.percent', used: mean, allowed: this.#percent } }
      case 'throttle':
        return this.#hold(watched, this.#percent / mean, reason)
      default:
        return { action: this.#then, reason }
    }
  }

  /** The share at which it uses as much as it may; it is free again when that would be all of the time. */
  #steer(watched: Watched, cpuPercent: number | undefined, now: number): LimitVerdict {
    const share = watched.share!
    // INV 27: what is unknown for long holds nobody.
    const used = cpuPercent ?? (now - watched.knownAt < this.#spanMs ? this.#percent : 0)
    const next = used === 0 ? Infinity : Math.min(share * (this.#percent / used), share * FASTEST_GROWTH)
    if (next < 1) return this.#hold(watched, next, `it is held to ${Math.round(next * 100)} % of the time (limits.cpu)`)
    watched.share = undefined
    watched.mean.clear()
    return { action: 'ok' }
  }

  #hold(watched: Watched, share: number, reason: string): LimitVerdict {
    watched.share = Math.max(LEAST_SHARE, share)
    return { action: 'throttle', share: watched.share, percent: this.#percent, reason }
  }
}

export default definePlugin({
  name: 'cpu-limit',
  apply(kernel) {
    kernel.strategy('limit', 'cpu', {
      description: 'Reports, throttles or ends sessions that use too much CPU for too long, all their processes together.',
      options,
      create: (given, { clock }) => {
        if (given.then === 'throttle' && process.platform === 'win32') {
          throw new GreenroomError('CONFIG_INVALID', "limits.cpu.then: Windows can't stop and continue processes: choose 'report', 'recycle' or 'end'")
        }
        return new CpuLimit(given, clock)
      },
    })
  },
})
