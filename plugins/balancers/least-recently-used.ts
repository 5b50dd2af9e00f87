import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { outlierOption } from './outliers/options.ts'
import { firstBy, type Selector } from './selectors/selector.ts'

const options = z.strictObject({ outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'least-recently-used': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'least-recently-used',
  apply(kernel) {
    kernel.strategy('balancer', 'least-recently-used', {
      description: 'The session that was used longest ago: all are kept in use. O(n).',
      options,
      create: ({ outliers }, context) => {
        const selector: Selector = { pick: (candidates) => firstBy(candidates, (a, b) => a.lastUsedAt - b.lastUsedAt, context.random) }
        return compose({ selector, outliers }, context)
      },
    })
  },
})
