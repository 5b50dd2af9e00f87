const { default: genericPool } = await import(/** @type {string} */ ('generic-pool'))

/** @type {typeof import('./pool.d.mts').open} */
export async function open({ size }) {
  const pool = genericPool.createPool({ create: async () => ({}), destroy: async () => undefined }, { min: size, max: size })
  await pool.ready()
  return {
    acquire: () => pool.acquire(),
    release: (thing) => void pool.release(thing),
    thing: (borrowed) => borrowed,
    close: () => pool.drain().then(() => pool.clear()),
  }
}
