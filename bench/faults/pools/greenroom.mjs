// By path: in this folder, which has a package.json of its own, the library has no name.
const { createPool } = await import(/** @type {string} */ ('../../../dist/src/index.js'))

const at = (/** @type {string} */ name) => new URL(name, import.meta.url).pathname

/** @param {{ size: number, missing?: boolean }} options */
export async function open({ size, missing = false }) {
  const pool = await createPool({
    driver: missing
      ? { use: 'json-lines', command: 'no-such-program' }
      : { use: 'json-lines', command: process.execPath, args: [at('greenroom-worker.mjs')], ready: { match: { ready: true } } },
    size: { max: size, spare: 0 },
    isolation: 'none',
    timeouts: { silence: '2s', close: '1s' },
    metrics: false,
  })
  return {
    // No reset takes anything away, and none is needed: the tasks are each other's equals.
    request: (/** @type {object} */ task) => pool.request(task),
    close: () => pool.close({ grace: 0 }),
  }
}
