import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { peakEwmaFields } from './metrics/options.ts'
import { PeakEwma } from './metrics/peak-ewma.ts'
import { outlierOption } from './outliers/options.ts'
import { PowerOfTwo } from './selectors/power-of-two.ts'

const options = z.strictObject({ ...peakEwmaFields, outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'peak-ewma': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'peak-ewma',
  apply(kernel) {
    kernel.strategy('balancer', 'peak-ewma', {
      description: 'Of two sessions drawn by chance the one that was faster lately, for as many requests as it has.',
      options,
      create: ({ decay, outliers }, context) => {
        const metric = new PeakEwma(context.clock, decay)
        return compose({ selector: new PowerOfTwo(metric, context.random), metric, outliers }, context)
      },
    })
  },
})
