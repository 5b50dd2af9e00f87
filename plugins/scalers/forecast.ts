import { definePlugin, duration, optionalDuration, z, type Clock, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'
import { ArrivalModel } from './parts/arrival-model.ts'
import { countQuantile } from './parts/count-quantile.ts'
import { atLeastMin } from './parts/decision.ts'
import { Stabiliser } from './parts/stabiliser.ts'
import { sparesOf, workOf } from './parts/work.ts'

const options = z
  .strictObject({
    percentile: z.number().min(50).max(99.9).default(95).describe('Percent of the start-up times in which the spares are to do for all who come. Default 95.'),
    memory: duration({ min: 10_000 }).default(300_000).describe('Time over which the rate of late is averaged. Default 5m.'),
    season: optionalDuration({ min: 60_000 }).default(86_400_000).describe('After what time the same is to be expected again; false: nothing comes again. Default 1d.'),
    slot: duration({ min: 10_000 }).default(900_000).describe('Part of a season that has a rate of its own. Default 15m.'),
    stabilization: duration().default(300_000).describe('It shrinks to the most that was wanted within this time; it grows at once. Default 5m.'),
  })
  .refine(({ season, slot }) => slot <= season / 2, { error: 'slot must be half of the season at most' })

declare module 'greenroom/kit' {
  interface ScalerOptions {
    forecast: z.input<typeof options>
  }
}

type Options = z.output<typeof options>

/**
 * What there is work for, and as many spares as will be asked for while one session starts, with that certainty: by the rate of late, by the same
 * time of earlier seasons, and by how far off such counts have been. `size.spare` is the least. Before the first start nothing is forecast.
 */
class Forecast implements Scaler {
  readonly #share: number
  readonly #model: ArrivalModel
  readonly #stabiliser: Stabiliser

  constructor(chosen: Options, clock: Clock) {
    this.#share = chosen.percentile / 100
    this.#model = new ArrivalModel(clock, chosen)
    this.#stabiliser = new Stabiliser(clock, chosen.stabilization)
  }

  decide(view: ScaleView): ScaleDecision {
    this.#model.told(view.arrivals)
    const spare = Math.max(view.spare, this.#expected(view))
    const work = workOf(view, true)
    const spares = sparesOf(view, spare)
    const wanted = Math.max(view.min, work.count + spares)
    const target = this.#stabiliser.stabilise(wanted, view)
    const reasons = spares > 0 ? [...work.parts, `${spares} for those who come while one starts`] : [...work.parts]
    if (target > wanted) reasons.push(`${target} were wanted within the stabilization window`)
    return atLeastMin(view, target, reasons)
  }

  #expected({ meanStartMs, meanHoldMs, shared, max }: ScaleView): number {
    if (meanStartMs === undefined) return 0
    // What any caller may have is free for the next one when it is given back.
    const takenMs = shared ? Math.min(meanStartMs, meanHoldMs ?? Infinity) : meanStartMs
    return countQuantile(this.#share, this.#model.rateIn(meanStartMs) * takenMs, this.#model.dispersion, max)
  }
}

export default definePlugin({
  name: 'forecast',
  apply(kernel) {
    kernel.strategy('scaler', 'forecast', {
      description: 'What there is work for, and spares for those who will probably come while one session starts.',
      options,
      create: (chosen, { clock }) => new Forecast(chosen, clock),
    })
  },
})
