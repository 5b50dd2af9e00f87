import { definePlugin, type Evictor, type SessionView, z } from 'greenroom/kit'

const options = z.strictObject({
  tenants: z.array(z.string().min(1)).min(1).describe('Tenants whose sessions are the last to go.'),
})

// Whoever imports the package has its name and options in the types of their config.
declare module 'greenroom/kit' {
  interface EvictorOptions {
    favourites: z.input<typeof options>
  }
}

/** The session that was used least recently; those of favourite tenants only when there are no others. O(n). */
class Favourites implements Evictor {
  readonly #tenants: ReadonlySet<string | undefined>

  constructor(tenants: readonly string[]) {
    this.#tenants = new Set(tenants)
  }

  choose(idle: readonly SessionView[]): SessionView {
    const others = idle.filter(({ tenant }) => !this.#tenants.has(tenant))
    return (others.length > 0 ? others : idle).reduce((oldest, next) => (next.lastUsedAt < oldest.lastUsedAt ? next : oldest))
  }
}

/** What goes into the `plugins` of a config. */
export default definePlugin({
  name: 'greenroom-favourites',
  apply(kernel) {
    kernel.strategy('evictor', 'favourites', {
      description: 'Sessions of favourite tenants are the last to go.',
      options,
      create: ({ tenants }) => new Favourites(tenants),
    })
  },
})
