import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { outlierOption } from './outliers/options.ts'
import { firstBy, type Selector } from './selectors/selector.ts'

const options = z.strictObject({ outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'most-recently-used': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'most-recently-used',
  apply(kernel) {
    kernel.strategy('balancer', 'most-recently-used', {
      description: 'The session that was used last and has room: few are kept busy and warm, the others may go idle. O(n).',
      options,
      create: ({ outliers }, context) => {
        const selector: Selector = { pick: (candidates) => firstBy(candidates, (a, b) => b.lastUsedAt - a.lastUsedAt, context.random) }
        return compose({ selector, outliers }, context)
      },
    })
  },
})
