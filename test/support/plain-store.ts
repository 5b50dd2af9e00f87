import type { ParkedSession, Store } from 'greenroom/kit'

/** A store that keeps what it is given in `records`, by key alone, and shows it. */
export function plainStore(records = new Map<string, ParkedSession>()): Store & { readonly records: Map<string, ParkedSession> } {
  return {
    records,
    put: async (record) => void records.set(record.key, record),
    take: async (_tenant, key) => {
      const record = records.get(key)
      records.delete(key)
      return record
    },
    has: (_tenant, key) => records.has(key),
    get size() {
      return records.size
    },
  }
}
