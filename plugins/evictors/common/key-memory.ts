import type { SessionView } from 'greenroom/kit'

/** What is kept of keys: of the most recently used ones only, so that millions of keys take no more memory than `limit` do. O(1). */
export class KeyMemory<T extends object> {
  readonly #limit: number
  readonly #known = new Map<string, T>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** What is known of the session's key; `undefined` when that is nothing, or when it has no key. */
  get(session: SessionView): T | undefined {
    const name = nameOf(session)
    return name === undefined ? undefined : this.#known.get(name)
  }

  /**
   * The same for a key that is used: where nothing is known, what `make` makes is kept from now on. Who was used longest ago is forgotten for it, and
   * returned.
   */
  use(session: SessionView, make: () => T): { record: T | undefined; forgotten: T | undefined } {
    const name = nameOf(session)
    if (name === undefined) return { record: undefined, forgotten: undefined }
    const known = this.#known.get(name)
    const record = known ?? make()
    // The order of a Map is that of insertion.
    if (known) this.#known.delete(name)
    this.#known.set(name, record)
    return { record, forgotten: this.#known.size > this.#limit ? this.#forgetOldest() : undefined }
  }

  #forgetOldest(): T | undefined {
    const [oldest] = this.#known
    if (oldest) this.#known.delete(oldest[0])
    return oldest?.[1]
  }
}

/** No two keys have the same: not even of tenants whose names end as another's key begins. */
function nameOf({ tenant = '', key }: SessionView): string | undefined {
  return key === undefined ? undefined : `${tenant.length} ${tenant}${key}`
}
