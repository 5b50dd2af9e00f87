import { definePlugin } from 'greenroom/kit'
import { combine, combinedOptions, type CombinedOptions } from './parts/combined.ts'

declare module 'greenroom/kit' {
  interface ScalerOptions {
    min: CombinedOptions
  }
}

export default definePlugin({
  name: 'min',
  apply(kernel) {
    kernel.strategy('scaler', 'min', {
      description: 'The smallest target of several scalers: no more sessions than each of them wants.',
      options: combinedOptions,
      create: ({ of }, context) => combine(of, context, (target, than) => target < than),
    })
  },
})
