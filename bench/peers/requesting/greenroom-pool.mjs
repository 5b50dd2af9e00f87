// By path: in this folder, which has a package.json of its own, the library has no name.
import { fileURLToPath } from 'node:url'

const { createPool } = await import(/** @type {string} */ ('../../../dist/src/index.js'))
const PROGRAM = fileURLToPath(new URL('echo-lines.mjs', import.meta.url))

/**
 * Everything as it is by default, save who may have which session: anybody.
 * @param {number} processes
 * @param {{ command?: string, raw?: boolean, id?: string, concurrency?: number }} [options] of the driver
 * @param {Partial<import('greenroom').PoolConfig>} [config]
 * @returns {Promise<import('./pool.d.mts').RequestingPool>}
 */
export async function openGreenroom(processes, options, config) {
  /** @type {import('greenroom').Pool} */
  const pool = await createPool({
    driver: { use: 'json-lines', command: process.execPath, ...(!options?.command && { args: [PROGRAM] }), ...options }, size: { min: processes, max: processes }, isolation: 'none', ...config,
  })
  await pool.ready()
  return { request: (message) => pool.request(message), close: () => pool.close() }
}
