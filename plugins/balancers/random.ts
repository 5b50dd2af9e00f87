import { definePlugin, randomInt, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { outlierOption } from './outliers/options.ts'
import type { Selector } from './selectors/selector.ts'

const options = z.strictObject({ outliers: outlierOption })

declare module 'greenroom/kit' {
  interface BalancerOptions {
    random: z.input<typeof options>
  }
}

export default definePlugin({
  name: 'random',
  apply(kernel) {
    kernel.strategy('balancer', 'random', {
      description: 'Any session, by chance. O(1).',
      options,
      create: ({ outliers }, context) => {
        const selector: Selector = { pick: (candidates) => candidates[randomInt(context.random, candidates.length)]! }
        return compose({ selector, outliers }, context)
      },
    })
  },
})
