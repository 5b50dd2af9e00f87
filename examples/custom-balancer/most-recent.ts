import { definePlugin, z, type SessionView } from 'greenroom/kit'

const options = z.strictObject({
  maxRequests: z.int().min(1).default(1_000).describe('Sessions that have done this many requests are spared. Default 1000.'),
})

declare module 'greenroom/kit' {
  interface BalancerOptions {
    'most-recent': z.input<typeof options>
  }
}

/** Prefers the session used last: its caches are warm, and the others may go idle and be ended. */
export const mostRecent = definePlugin({
  name: 'most-recent',
  apply(kernel) {
    kernel.strategy('balancer', 'most-recent', {
      description: 'The session used last, as long as it is not worn.',
      options,
      create: ({ maxRequests }) => ({
        pick(candidates) {
          const rank = (session: SessionView): number => (session.requestCount < maxRequests ? session.lastUsedAt : -1)
          return candidates.reduce((best, next) => (rank(next) > rank(best) ? next : best))
        },
      }),
    })
  },
})
