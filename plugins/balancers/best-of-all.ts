import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { createMetric, metricOption } from './metrics/options.ts'
import { outlierOption } from './outliers/options.ts'
import { BestOfAll } from './selectors/best-of-all.ts'

const options = z.strictObject({ metric: metricOption.prefault('outstanding'), outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'best-of-all': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'best-of-all',
  apply(kernel) {
    kernel.strategy('balancer', 'best-of-all', {
      description: 'The best session by the metric; all are looked at.',
      options,
      create: ({ metric: chosen, outliers }, context) => {
        const metric = createMetric(chosen, context)
        return compose({ selector: new BestOfAll(metric, context.random), metric, outliers }, context)
      },
    })
  },
})
