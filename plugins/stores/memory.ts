import { definePlugin, z, type ParkedSession, type Store } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface StoreOptions {
    memory: z.input<typeof options>
  }
}

/** Parked sessions in the host's memory: they end with it. */
class MemoryStore implements Store {
  readonly #tenants = new Map<string, Map<string, ParkedSession>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  has(tenant: string, key: string): boolean {
    return this.#tenants.get(tenant)?.has(key) ?? false
  }

  async put(record: ParkedSession): Promise<void> {
    let keys = this.#tenants.get(record.tenant)
    if (!keys) this.#tenants.set(record.tenant, (keys = new Map<string, ParkedSession>()))
    if (!keys.has(record.key)) this.#size++
    keys.set(record.key, record)
  }

  async take(tenant: string, key: string): Promise<ParkedSession | undefined> {
    const keys = this.#tenants.get(tenant)
    const record = keys?.get(key)
    if (!keys || !record) return undefined
    keys.delete(key)
    if (keys.size === 0) this.#tenants.delete(tenant)
    this.#size--
    return record
  }
}

export default definePlugin({
  name: 'memory-store',
  apply(kernel) {
    kernel.strategy('store', 'memory', {
      description: "Keeps parked sessions in the host's memory.",
      options,
      create: () => new MemoryStore(),
    })
  },
})
