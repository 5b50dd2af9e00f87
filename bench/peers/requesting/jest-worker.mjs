import { fileURLToPath } from 'node:url'

const { Worker } = await import(/** @type {string} */ ('jest-worker'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ processes }) {
  const pool = new Worker(fileURLToPath(new URL('jest-worker-worker.mjs', import.meta.url)), { numWorkers: processes, exposedMethods: ['echo'] })
  return { request: (message) => pool.echo(message), close: () => pool.end() }
}
