import { existsSync } from 'node:fs'

const { default: workerpool } = await import(/** @type {string} */ ('workerpool'))
const at = (/** @type {string} */ name) => new URL(name, import.meta.url).pathname

/** @param {{ size: number, missing?: boolean }} options */
export function open({ size, missing = false }) {
  const program = missing ? at('no-such-file.mjs') : at('workerpool-worker.mjs')
  if (!missing && !existsSync(program)) throw new Error(`${program} is missing`)
  const pool = workerpool.pool(program, { maxWorkers: size, workerType: 'process' })
  return {
    request: (/** @type {object} */ task) => Promise.resolve(pool.exec('perform', [task])),
    close: () => Promise.resolve(pool.terminate(true, 2_000)),
  }
}
