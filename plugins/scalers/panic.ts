import { definePlugin, duration, z, type Clock, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'
import { atLeastMin } from './parts/decision.ts'
import { MovingAverage } from './parts/moving-average.ts'
import { sparesOf, workOf } from './parts/work.ts'

const options = z
  .strictObject({
    target: z.number().positive().max(1).default(0.7).describe('Share of the sessions that are to be in use; the others take what comes. Default 0.7.'),
    stableWindow: duration({ min: 1_000 }).default(60_000)
      .describe('Time over which the work is averaged, and for which it must be calm until a panic is over. Default 60s.'),
    panicWindow: duration({ min: 100 }).default(6_000).describe('Time over which a burst is seen. Default 6s.'),
    threshold: z.number().min(1).default(2).describe('How many times the sessions there are must be wanted for a panic. Default 2.'),
  })
  .refine(({ stableWindow, panicWindow }) => panicWindow < stableWindow, { error: 'panicWindow must be shorter than stableWindow' })

declare module 'greenroom/kit' {
  interface ScalerOptions {
    panic: z.input<typeof options>
  }
}

type Options = z.output<typeof options>

interface Mode {
  /** The most that was wanted since the panic began. */
  readonly most: number
  readonly until: number
}

/**
 * As many sessions as keep the share in use at a target, by the work of the last minute; and a panic mode for bursts, as in Knative's
 * autoscaler: when the work of the last seconds wants twice the sessions there are, the larger of the two counts, and nothing is given up until it
 * has been calm for a while. Sessions that are starting count as there, and a panic lasts one start longer than the calm, so that what it has
 * started comes to be of use. Who waits, and `size.spare`, are served in any case.
 */
class Panic implements Scaler {
  readonly #options: Options
  readonly #clock: Clock
  readonly #stable: MovingAverage
  readonly #recent: MovingAverage
  /** `undefined` while all is calm. */
  #panic: Mode | undefined

  constructor(chosen: Options, clock: Clock) {
    this.#options = chosen
    this.#clock = clock
    this.#stable = new MovingAverage(clock, chosen.stableWindow)
    this.#recent = new MovingAverage(clock, chosen.panicWindow)
  }

  decide(view: ScaleView): ScaleDecision {
    const load = view.busy + view.waiting
    this.#stable.set(load)
    this.#recent.set(load)
    const [stable, recent] = [this.#wanted(this.#stable), this.#wanted(this.#recent)]
    const work = workOf(view, true)
    const needed = Math.max(work.count + sparesOf(view, view.spare), stable + view.idleBound)
    const panic = this.#panicked(view, Math.max(needed, recent + view.idleBound), recent)
    const reasons = [...work.parts, `${stable} by the average`, ...(panic ? [`${panic.most} in panic`] : [])]
    return atLeastMin(view, panic ? panic.most : needed, reasons)
  }

  #wanted(average: MovingAverage): number {
    return Math.ceil(average.value / this.#options.target)
  }

  #panicked({ size, meanStartMs = 0 }: ScaleView, wanted: number, recent: number): Mode | undefined {
    const now = this.#clock.now()
    const { threshold, stableWindow } = this.#options
    const alarmed = size > 0 && recent >= threshold * size
    if (this.#panic && now >= this.#panic.until && !alarmed) this.#panic = undefined
    if (!alarmed && !this.#panic) return undefined
    const until = alarmed ? now + stableWindow + meanStartMs : this.#panic!.until
    return (this.#panic = { most: Math.max(wanted, this.#panic?.most ?? 0), until })
  }
}

export default definePlugin({
  name: 'panic',
  apply(kernel) {
    kernel.strategy('scaler', 'panic', {
      description: 'Keeps a share of the sessions free, by the work of the last minute, and goes by the last seconds in bursts.',
      options,
      create: (chosen, { clock }) => new Panic(chosen, clock),
    })
  },
})
