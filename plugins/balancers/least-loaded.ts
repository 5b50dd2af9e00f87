import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { Outstanding } from './metrics/outstanding.ts'
import { outlierOption } from './outliers/options.ts'
import { BestOfAll } from './selectors/best-of-all.ts'

const options = z.strictObject({ outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'least-loaded': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'least-loaded',
  apply(kernel) {
    kernel.strategy('balancer', 'least-loaded', {
      description: 'The session with the fewest requests and leases under way; equals get equal chances.',
      options,
      create: ({ outliers }, context) => {
        const metric = new Outstanding()
        return compose({ selector: new BestOfAll(metric, context.random), metric, outliers }, context)
      },
    })
  },
})
