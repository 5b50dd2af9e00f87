#!/usr/bin/env node
// Makes the checkout ready to run: installs the dependencies and builds dist/, each only when it isn't as the sources want it.
// npm calls it before `npm start` and `npm test`. Plain Node, no dependency: it runs when nothing is installed yet.
//
//   node scripts/ensure.mjs            what is needed, if anything
//   node scripts/ensure.mjs --build    builds in any case
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lib/lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (/** @type {string[]} */ ...parts) => join(root, ...parts)

/** Everything the content of dist/ depends on. */
const BUILD_INPUTS = ['src', 'plugins', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']
const STAMP = '.stamp'

checkNode()
const force = process.argv.includes('--build')
if (force || !isInstalled() || !isBuilt()) {
  await withLock(at('.ensure.lock'), () => {
    // Asked again: whoever held the lock may have done it.
    if (!isInstalled()) install()
    if (force || !isBuilt()) build()
  })
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`greenroom needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer one from https://nodejs.org`)
}

/** True when node_modules has what package-lock.json names, as npm itself noted down at the end of its last installation. */
function isInstalled() {
  const wanted = packagesOf(at('package-lock.json'))
  const found = packagesOf(at('node_modules', '.package-lock.json'))
  if (!wanted) fail('package-lock.json is missing or damaged: restore it with `git checkout package-lock.json`')
  if (!found) return false
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    // Optional ones may be for another platform.
    return path === '' || optional || devOptional || found[path]?.version === version
  })
}

/** @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }> | undefined} */
function packagesOf(/** @type {string} */ lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages
  } catch {
    return undefined
  }
}

function install() {
  say('installing the dependencies (npm ci); this is done once')
  // The build needs the dev dependencies, also where NODE_ENV=production would leave them out.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env['npm_execpath']
  const done = npm && basename(npm) === 'npm-cli.js'
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })
  if (done.status !== 0) fail(`npm ci failed (${done.error?.message ?? `exit code ${done.status}`}): see above`)
}

function isBuilt() {
  try {
    return readFileSync(at('dist', STAMP), 'utf8') === fingerprint()
  } catch {
    return false
  }
}

function build() {
  say('building dist/')
  // Built beside and swapped in, so that nobody ever sees half a build. As deep as dist/, for the paths in the source maps.
  const fresh = at(`.dist-${process.pid}`)
  const old = `${fresh}-old`
  // Under the lock no other build is under way: what is there was left by one that was interrupted.
  const sweep = () => readdirSync(root).filter((name) => name.startsWith('.dist-')).forEach((name) => rmSync(at(name), { recursive: true }))
  sweep()
  process.once('exit', sweep)
  const stamp = fingerprint()
  const args = [at('node_modules', 'typescript', 'lib', 'tsc.js'), '-p', at('tsconfig.build.json'), '--outDir', fresh]
  const done = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (done.status !== 0) fail('the build failed: see above')
  for (const file of filesUnder('plugins').filter((path) => path.endsWith('.py'))) {
    // Programs of sessions that the compiler knows nothing of.
    mkdirSync(join(fresh, dirname(file)), { recursive: true })
    copyFileSync(at(file), join(fresh, file))
  }
  chmodSync(join(fresh, 'src', 'cli', 'bin.js'), 0o755)
  writeFileSync(join(fresh, STAMP), stamp)
  if (existsSync(at('dist'))) renameSync(at('dist'), old)
  renameSync(fresh, at('dist'))
}

/** A digest of the content of all that is built, so that a fresh checkout of the same files needs no new build. */
function fingerprint() {
  const hash = createHash('sha256')
  for (const file of BUILD_INPUTS.flatMap(filesUnder).sort()) hash.update(`${file}\0`).update(readFileSync(at(file))).update('\0')
  return hash.digest('hex')
}

/** @returns {string[]} */
function filesUnder(/** @type {string} */ path) {
  const stat = statSync(at(path), { throwIfNoEntry: false })
  if (!stat) return []
  if (stat.isFile()) return [path]
  const entries = readdirSync(at(path), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function say(/** @type {string} */ text) {
  process.stderr.write(`greenroom: ${text}\n`)
}

/** @returns {never} */
function fail(/** @type {string} */ text) {
  say(text)
  process.exit(1)
}
