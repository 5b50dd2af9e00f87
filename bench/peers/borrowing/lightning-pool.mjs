const { Pool } = await import(/** @type {string} */ ('lightning-pool'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ size }) {
  const factory = { create: async () => ({}), destroy: async () => undefined }
  // Its own limit of those who wait, 1,000, is below what is asked of all here.
  const pool = new Pool(factory, { min: size, max: size, maxQueue: 1_000_000 })
  pool.start()
  return {
    acquire: () => pool.acquire(),
    release: (thing) => void pool.release(thing),
    thing: (borrowed) => borrowed,
    close: () => pool.closeAsync(true),
  }
}
