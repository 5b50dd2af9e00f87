const { Tinypool } = await import(/** @type {string} */ ('tinypool'))

/** @type {typeof import('./pool.d.mts').open} */
export function open({ processes }) {
  const filename = new URL('tinypool-worker.mjs', import.meta.url).href
  const pool = new Tinypool({ filename, runtime: 'child_process', minThreads: processes, maxThreads: processes })
  return { request: (message) => pool.run(message), close: () => pool.destroy() }
}
