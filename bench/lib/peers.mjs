import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url))

/** Installs the peers in their folder, once; again when other ones are wanted. */
export function installPeers() {
  if (installed('package-lock.json', 'node_modules/.package-lock.json')) return
  process.stderr.write('installing the peers (npm ci in bench/peers)\n')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error('npm ci in bench/peers failed: see above')
}

/** The peers of the list with their versions, as they are named in tables; what is no peer stays as it is. @param {string} name */
export function withVersion(name) {
  const path = `${FOLDER}node_modules/${name}/package.json`
  return existsSync(path) ? `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}` : name
}

/** True when what npm noted down at the end of its last installation is what the lock names. @param {string} lock @param {string} done */
function installed(lock, done) {
  if (!existsSync(FOLDER + done)) return false
  const packages = (/** @type {string} */ file) => /** @type {Record<string, { version?: string }>} */ (JSON.parse(readFileSync(FOLDER + file, 'utf8')).packages)
  const found = packages(done)
  return Object.entries(packages(lock)).every(([path, { version }]) => path === '' || found[path]?.version === version)
}
