import { fileURLToPath } from 'node:url'

const { FixedClusterPool } = await import(/** @type {string} */ ('poolifier'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ processes }) {
  const pool = new FixedClusterPool(processes, fileURLToPath(new URL('poolifier-worker.cjs', import.meta.url)))
  return { request: (message) => pool.execute(message), close: () => pool.destroy() }
}
