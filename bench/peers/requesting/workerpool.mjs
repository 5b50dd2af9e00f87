import { fileURLToPath } from 'node:url'

const { default: workerpool } = await import(/** @type {string} */ ('workerpool'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ processes }) {
  const pool = workerpool.pool(fileURLToPath(new URL('workerpool-worker.mjs', import.meta.url)), { workerType: 'process', minWorkers: processes, maxWorkers: processes })
  return { request: (message) => Promise.resolve(pool.exec('echo', [message])), close: () => Promise.resolve(pool.terminate()) }
}
