import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { createMetric, metricOption } from './metrics/options.ts'
import { outlierOption } from './outliers/options.ts'
import { PowerOfTwo } from './selectors/power-of-two.ts'

const options = z.strictObject({ metric: metricOption.prefault('outstanding'), outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'power-of-two': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'power-of-two',
  apply(kernel) {
    kernel.strategy('balancer', 'power-of-two', {
      description: 'The better by the metric of two sessions that are drawn by chance.',
      options,
      create: ({ metric: chosen, outliers }, context) => {
        const metric = createMetric(chosen, context)
        return compose({ selector: new PowerOfTwo(metric, context.random), metric, outliers }, context)
      },
    })
  },
})
