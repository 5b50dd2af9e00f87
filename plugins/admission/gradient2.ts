import { definePlugin, formatDuration, z, type AcquireRequest, type Admission, type AdmissionLoad, type AdmissionRefusal, type AdmissionReport } from 'greenroom/kit'
import { LongMean } from './gradient2/long-mean.ts'

const options = z.strictObject({
  min: z.int().min(1).default(20).describe('Callers in flight (waiting or served) that are let in whatever happens; size.max at least makes sense, and twice queue. Default 20.'),
  max: z.int().min(1).default(200).describe('Callers in flight at most. Default 200.'),
  initial: z.int().min(1).optional().describe('The limit to begin with. Default 20, or min or max where that is out of their range.'),
  tolerance: z.number().min(1).default(1.5).describe('How many times the usual latency is no sign of overload yet. Default 1.5.'),
  queue: z.int().min(1).default(4).describe('Callers by which the limit may grow beyond what the latency asks for; else it never grew. Default 4.'),
  smoothing: z.number().gt(0).max(1).default(0.2).describe('How much of the limit each caller who is through makes up, from 0 to 1. Default 0.2.'),
  window: z.int().min(10).default(600).describe('Callers whose latency makes up what is usual. Default 600.'),
}).superRefine(({ min, max, initial }, context) => {
  if (min > max) context.addIssue({ code: 'custom', path: ['min'], message: `${min} is more than max, which is ${max}: give both` })
  else if (initial !== undefined && (initial < min || initial > max)) context.addIssue({ code: 'custom', path: ['initial'], message: `must be from ${min} (min) to ${max} (max)` })
})

declare module 'greenroom/kit' {
  interface AdmissionOptions {
    gradient2: z.input<typeof options>
  }
}

type Gradient2Options = z.output<typeof options>

const INITIAL = 20
/** The limit is not cut by more than this at once, whatever one latency says. */
const STEEPEST = 0.5
/** When the usual latency is so many times the present one, it is that of a bad time that is over, and is forgotten faster. */
const RECOVERED = 2
const FORGETTING = 0.95
/** Clocks tick: no latency is less, in milliseconds. */
const LEAST_MS = 0.001

/**
 * Netflix's Gradient2: a limit on callers in flight that shrinks as latency rises above what is usual, and grows while it does not and the limit is
 * made use of. O(1)
 */
export class Gradient2 implements Admission {
  readonly #options: Gradient2Options
  readonly #usual: LongMean
  #limit: number
  #latest = 0

  constructor(given: Gradient2Options) {
    this.#options = given
    this.#usual = new LongMean(given.window)
    this.#limit = given.initial ?? Math.min(given.max, Math.max(given.min, INITIAL))
  }

  /** Callers in flight at most, by now. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  admit(_request: AcquireRequest, { inFlight }: AdmissionLoad): AdmissionRefusal | undefined {
    if (inFlight < this.limit) return undefined
    const latency = this.#latest > 0 ? `; the last one took ${formatDuration(this.#latest)}, and ${formatDuration(this.#usual.value)} is usual` : ''
    return { reason: `${inFlight} are in flight and the limit is ${this.limit} (admission)${latency}`, ...(this.#latest > 0 && { retryAfterMs: this.#latest }) }
  }

  finished({ latencyMs, inFlight, outcome }: AdmissionReport): void {
    if (outcome === 'lost') return
    const latency = Math.max(LEAST_MS, latencyMs)
    this.#latest = latency
    this.#usual.add(latency)
    const usual = this.#usual.value
    if (usual / latency > RECOVERED) this.#usual.scale(FORGETTING)
    // The limit is not what held it back: nothing is learned of it.
    if (inFlight < this.#limit / 2) return
    const { tolerance, queue, smoothing, min, max } = this.#options
    const gradient = Math.max(STEEPEST, Math.min(1, (tolerance * usual) / latency))
    const wanted = this.#limit * gradient + queue
    this.#limit = Math.max(min, Math.min(max, (1 - smoothing) * this.#limit + smoothing * wanted))
  }
}

export default definePlugin({
  name: 'gradient2',
  apply(kernel) {
    kernel.strategy('admission', 'gradient2', {
      description: 'Limits callers in flight by latency: fewer are let in while it rises above the usual, and more again when it falls.',
      options,
      create: (given) => new Gradient2(given),
    })
  },
})
