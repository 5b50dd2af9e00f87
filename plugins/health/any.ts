import { definePlugin } from 'greenroom/kit'
import { any, combinedOptions, type CombinedOptions } from './parts/combined.ts'

declare module 'greenroom/kit' {
  interface HealthOptions {
    any: CombinedOptions
  }
}

export default definePlugin({
  name: 'any',
  apply(kernel) {
    kernel.strategy('health', 'any', {
      description: 'Several checks: healthy as soon as one of them finds it so.',
      options: combinedOptions,
      create: ({ of }, context) => any(of, context),
    })
  },
})
