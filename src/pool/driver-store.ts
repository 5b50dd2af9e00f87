import { GreenroomError, type ParkedSession, type Store } from '../contracts/index.ts'

const MARK = 'greenroom'

/**
 * A store of which each record is one driver's: what is parked says whose it is, and another driver's is left where it is. Only the driver
 * that made a token understands it, and a file may be given to two pools by accident.
 */
export class DriverStore implements Store {
  readonly #store: Store
  readonly #driver: string

  constructor(store: Store, driver: string) {
    this.#store = store
    this.#driver = driver
  }

  get size(): number {
    return this.#store.size
  }

  get persistent(): boolean {
    return this.#store.persistent === true
  }

  has(tenant: string, key: string): boolean {
    return this.#store.has(tenant, key)
  }

  put(record: ParkedSession): Promise<void> {
    return this.#store.put({ ...record, token: JSON.stringify([MARK, this.#driver, record.token]) })
  }

  /** @throws GreenroomError `STORE_FAILED` when the state is another driver's; it is kept. */
  async take(tenant: string, key: string): Promise<ParkedSession | undefined> {
    const record = await this.#store.take(tenant, key)
    if (!record) return undefined
    const { driver, token } = read(record.token)
    if (driver === undefined || driver === this.#driver) return { ...record, token }
    await this.#store.put(record)
    const advice = 'it was left as it is. Give each pool a store of its own (store.path)'
    throw new GreenroomError('STORE_FAILED', `The state of this key was parked by the driver ${driver}, and this pool has ${this.#driver}: ${advice}`)
  }

  async close(): Promise<void> {
    await this.#store.close?.()
  }
}

/** Before greenroom said whose they are, tokens were kept as they came. */
function read(text: string): { driver?: string; token: string } {
  if (!text.startsWith(`["${MARK}",`)) return { token: text }
  const [, driver, token] = JSON.parse(text) as [string, string, string]
  return { driver, token }
}
