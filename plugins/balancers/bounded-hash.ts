import { definePlugin, z } from 'greenroom/kit'
import { compose } from './parts/compose.ts'
import { outlierOption } from './outliers/options.ts'
import { BoundedHash } from './selectors/bounded-hash.ts'

const options = z.strictObject({
  epsilon: z.number().min(0).default(0.25)
    .describe('How much more than the mean a session may have to do before others take over, as a share. Default 0.25.'),
  outliers: outlierOption,
})

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'bounded-hash': z.input<typeof options>
  }
}

export default definePlugin({
  name: 'bounded-hash',
  apply(kernel) {
    kernel.strategy('balancer', 'bounded-hash', {
      description: 'The same key, or tenant, to the same session, unless that has more than its share to do.',
      options,
      create: ({ epsilon, outliers }, context) => compose({ selector: new BoundedHash(epsilon), outliers }, context),
    })
  },
})
