import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { outlierOption } from './outliers/options.ts'
import { RoundRobin } from './selectors/round-robin.ts'

const options = z.strictObject({ outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'round-robin': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'round-robin',
  apply(kernel) {
    kernel.strategy('balancer', 'round-robin', {
      description: 'The sessions take turns.',
      options,
      create: ({ outliers }, context) => compose({ selector: new RoundRobin(context.random), outliers }, context),
    })
  },
})
