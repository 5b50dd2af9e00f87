import { definePlugin } from 'greenroom/kit'
import { combine, combinedOptions, type CombinedOptions } from './parts/combined.ts'

declare module 'greenroom/kit' {
  interface ScalerOptions {
    max: CombinedOptions
  }
}

export default definePlugin({
  name: 'max',
  apply(kernel) {
    kernel.strategy('scaler', 'max', {
      description: 'The largest target of several scalers: as many sessions as any of them wants.',
      options: combinedOptions,
      create: ({ of }, context) => combine(of, context, (target, than) => target > than),
    })
  },
})
