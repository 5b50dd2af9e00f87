const { Tinypool } = await import(/** @type {string} */ ('tinypool'))

/** @param {{ size: number, missing?: boolean }} options */
export function open({ size, missing = false }) {
  const pool = new Tinypool({
    filename: new URL(missing ? 'no-such-file.mjs' : 'tinypool-worker.mjs', import.meta.url).href, runtime: 'child_process',
    minThreads: 0, maxThreads: size, terminateTimeout: 2_000,
  })
  return {
    request: (/** @type {object} */ task) => pool.run(task),
    close: () => pool.destroy(),
  }
}
