import { definePlugin, z } from 'greenroom/kit'

const options = z.strictObject({
  step: z.int().min(1).default(4).describe('Sessions are started and ended in groups of this many. Default 4.'),
})

declare module 'greenroom/kit' {
  interface ScalerOptions {
    'in-steps': z.input<typeof options>
  }
}

/** Sizes that are multiples of `step`: the smallest that holds those in use, those kept for their tenants, who waits, and the spares. */
export const inSteps = definePlugin({
  name: 'in-steps',
  apply(kernel) {
    kernel.strategy('scaler', 'in-steps', {
      description: 'Grows and shrinks in steps of a fixed size.',
      options,
      create: ({ step }) => ({
        decide({ busy, checking, idleBound, waiting, spare }) {
          const needed = busy + checking + idleBound + waiting + spare
          return { target: Math.ceil(needed / step) * step, reason: `${needed} needed, in steps of ${step}` }
        },
      }),
    })
  },
})
