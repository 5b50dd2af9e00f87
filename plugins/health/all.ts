import { definePlugin } from 'greenroom/kit'
import { all, combinedOptions, type CombinedOptions } from './parts/combined.ts'

declare module 'greenroom/kit' {
  interface HealthOptions {
    all: CombinedOptions
  }
}

export default definePlugin({
  name: 'all',
  apply(kernel) {
    kernel.strategy('health', 'all', {
      description: 'Several checks: healthy when none of them finds anything wrong.',
      options: combinedOptions,
      create: ({ of }, context) => all(of, context),
    })
  },
})
