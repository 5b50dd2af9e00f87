const { Worker } = await import(/** @type {string} */ ('jest-worker'))

/** @param {{ size: number, missing?: boolean }} options */
export function open({ size, missing = false }) {
  const pool = new Worker(new URL(missing ? 'no-such-file.mjs' : 'jest-worker-worker.mjs', import.meta.url).pathname, {
    numWorkers: size, exposedMethods: ['perform'],
  })
  return {
    request: (/** @type {object} */ task) => pool.perform(task),
    close: () => pool.end(),
  }
}
