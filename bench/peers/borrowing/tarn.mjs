const { Pool } = await import(/** @type {string} */ ('tarn'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ size }) {
  const pool = new Pool({ create: async () => ({}), destroy: () => undefined, min: size, max: size })
  return {
    acquire: () => pool.acquire().promise,
    release: (thing) => void pool.release(thing),
    thing: (borrowed) => borrowed,
    close: () => pool.destroy(),
  }
}
