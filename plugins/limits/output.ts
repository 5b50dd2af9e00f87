import { definePlugin, duration, formatDuration, formatSize, size, z, type Clock, type Limit, type LimitVerdict, type SessionOutput, type SessionView, type Usage } from 'greenroom/kit'
import { SpanMean } from './spans/span-mean.ts'

const options = z
  .strictObject({
    perLease: size({ min: 1 }).optional().describe('Bytes that a session may write during one lease.'),
    perSecond: size({ min: 1 }).optional().describe('Bytes a second that it may write, as the mean of the span `for`.'),
    for: duration({ min: 1 }).default(5_000).describe('The span of perSecond. Default 5s.'),
    of: z.enum(['both', 'stdout', 'stderr']).default('both').describe("What counts. Default 'both' stdout and stderr."),
    then: z.enum(['report', 'recycle', 'end']).default('end')
      .describe("What is done about more: 'report' it as a decision, 'recycle' the session at its release, 'end' it now. Default 'end'."),
  })
  .refine(({ perLease, perSecond }) => perLease !== undefined || perSecond !== undefined, { error: 'give perLease, perSecond or both' })

declare module 'greenroom/kit' {
  interface LimitOptions {
    output: z.input<typeof options>
  }
}

interface Watched {
  readonly rate: SpanMean
  bytes: number
  at: number
  /** What it had written when its present lease was first seen, and which one that is. */
  leaseBytes: number
  lease: number
}

class OutputLimit implements Limit {
  readonly #clock: Clock
  readonly #options: z.output<typeof options>
  readonly #watched = new WeakMap<SessionView, Watched>()

  constructor(given: z.output<typeof options>, clock: Clock) {
    this.#clock = clock
    this.#options = given
  }

  judge(session: SessionView, _usage: Usage, output: SessionOutput): LimitVerdict {
    const bytes = this.#count(output)
    // INV 27: what is not counted is not judged.
    if (bytes === undefined) return { action: 'ok' }
    const watched = this.#look(session, bytes)
    const { perLease = Infinity, perSecond = Infinity, for: spanMs } = this.#options
    const ofLease = bytes - watched.leaseBytes
    if (session.outstanding > 0 && ofLease > perLease) {
      return this.#over(`it wrote ${formatSize(ofLease)} in one lease`, 'limits.output.perLease', ofLease, perLease)
    }
    const rate = watched.rate.mean
    if (rate !== undefined && rate > perSecond) {
      return this.#over(`it wrote ${formatSize(rate)} a second for ${formatDuration(spanMs)}`, 'limits.output.perSecond', rate, perSecond)
    }
    return { action: 'ok' }
  }

  #count({ stdoutBytes, stderrBytes }: SessionOutput): number | undefined {
    const { of } = this.#options
    if (of === 'stdout') return stdoutBytes
    return of === 'stderr' ? stderrBytes : stdoutBytes + (stderrBytes ?? 0)
  }

  #look(session: SessionView, bytes: number): Watched {
    const now = this.#clock.now()
    const { leaseCount } = session
    let watched = this.#watched.get(session)
    if (!watched) {
      watched = { rate: new SpanMean(this.#options.for), bytes, at: now, leaseBytes: leaseCount > 1 ? bytes : 0, lease: leaseCount }
      watched.rate.add(0, now)
      this.#watched.set(session, watched)
      return watched
    }
    watched.rate.add(now > watched.at ? ((bytes - watched.bytes) * 1_000) / (now - watched.at) : undefined, now)
    // Of what came since the last look, all is counted as the new lease's. Leases that share a session count as one.
    if (leaseCount !== watched.lease && session.outstanding <= 1) {
      watched.leaseBytes = watched.bytes
      watched.lease = leaseCount
    }
    watched.bytes = bytes
    watched.at = now
    return watched
  }

  #over(what: string, name: string, used: number, allowed: number): LimitVerdict {
    const reason = `${what}, its limit is ${formatSize(allowed)} (${name})`
    const { then } = this.#options
    return then === 'end' ? { action: 'end', code: 'SESSION_LIMIT', reason, limit: { name, used, allowed } } : { action: then, reason }
  }
}

export default definePlugin({
  name: 'output-limit',
  apply(kernel) {
    kernel.strategy('limit', 'output', {
      description: 'Ends, or reports, sessions that write too much: in one lease, or for too long.',
      options,
      create: (given, { clock }) => new OutputLimit(given, clock),
    })
  },
})
