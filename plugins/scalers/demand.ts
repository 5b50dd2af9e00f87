import { definePlugin, z, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'
import { atLeastMin } from './parts/decision.ts'
import { sparesOf, workOf } from './parts/work.ts'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface ScalerOptions {
    demand: z.input<typeof options>
  }
}

/**
 * As many sessions as there is work for, and the spares on top: busy ones, those a tenant may come back to, those that callers wait for, and
 * `size.spare` for whoever comes next. Spares beyond that are kept for timeouts.idle.
 */
class Demand implements Scaler {
  decide(view: ScaleView): ScaleDecision {
    const work = workOf(view, true)
    const spares = Math.max(sparesOf(view, view.spare), view.idleSpareFresh)
    return atLeastMin(view, work.count + spares, spares > 0 ? [...work.parts, `${spares} spare`] : work.parts)
  }
}

export default definePlugin({
  name: 'demand',
  apply(kernel) {
    kernel.strategy('scaler', 'demand', {
      description: 'As many sessions as are in use or waited for, and the spares on top; unused spares go after timeouts.idle.',
      options,
      create: () => new Demand(),
    })
  },
})
