// The real pool with all of its default strategies, on real time. What is in memory are the sessions: no process is started.
// By path: in this folder, which has a package.json of its own, the library has no name.
const { createInMemoryWorld } = await import(/** @type {string} */ ('../../../dist/src/testing/index.js'))
const { systemClock } = await import(/** @type {string} */ ('../../../dist/src/kernel/system-clock.js'))

/**
 * @param {number} size
 * @param {Partial<import('greenroom').PoolConfig>} config
 * @param {(n: number) => import('greenroom').AcquireOptions | undefined} caller
 * @returns {Promise<import('./pool.d.mts').BorrowingPool>}
 */
export async function openGreenroom(size, config, caller) {
  const world = createInMemoryWorld({ clock: systemClock })
  /** @type {import('greenroom').Pool} */
  const pool = await world.createPool({ size: { min: size, max: size }, queue: { max: 1_000_000 }, ...config })
  await pool.ready()
  return {
    acquire: (n) => pool.acquire(caller(n)),
    release: (lease) => /** @type {import('greenroom').Lease} */ (lease).release(),
    thing: (lease) => /** @type {import('greenroom').Lease} */ (lease).sessionId,
    close: () => pool.close(),
  }
}
