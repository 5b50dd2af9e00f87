import { definePlugin, z, type Evictor, type SessionView } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface EvictorOptions {
    lru: z.input<typeof options>
  }
}

/** The least recently used. O(n) in the idle sessions. */
class LeastRecentlyUsed implements Evictor {
  choose(idle: readonly SessionView[]): SessionView {
    return idle.reduce((oldest, session) => (session.lastUsedAt < oldest.lastUsedAt ? session : oldest))
  }
}

export default definePlugin({
  name: 'lru',
  apply(kernel) {
    kernel.strategy('evictor', 'lru', {
      description: 'The session that was used least recently.',
      options,
      create: () => new LeastRecentlyUsed(),
    })
  },
})
