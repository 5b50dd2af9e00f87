// Fetches the Claude Code that the driver claude-code is tested with, by npm, into a cache folder of the user; it is no dependency. Prints
// where it is. The tests, the example and the benchmark call it by themselves.  npm run fetch:claude-code
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lib/lock.mjs'

const PACKAGE = '@anthropic-ai/claude-code'
export const VERSION = '2.1.330'

/**
 * The path of the program, which is fetched first where it is not there. Whoever asks meanwhile waits for the same download.
 * @returns {Promise<string>}
 */
export async function fetchClaudeCode() {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'greenroom')
  const folder = join(cache, `claude-code-${VERSION}`)
  const found = programIn(folder)
  if (found !== undefined) return found
  mkdirSync(cache, { recursive: true })
  return withLock(`${folder}.lock`, async () => programIn(folder) ?? await install(folder))
}

/** Under the lock: nobody else writes here. */
async function install(/** @type {string} */ folder) {
  const fresh = `${folder}.new`
  for (const old of [fresh, folder]) rmSync(old, { recursive: true, force: true })
  mkdirSync(fresh)
  // Without its scripts, which only copy the program that is in the package of the platform. It runs without Node, whatever `engines` says.
  await npm(['install', '--prefix', fresh, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false', `${PACKAGE}@${VERSION}`])
  renameSync(fresh, folder)
  const program = programIn(folder)
  if (program === undefined) throw new Error(`${PACKAGE} ${VERSION} has no program for ${process.platform} on ${process.arch}`)
  return program
}

function programIn(/** @type {string} */ folder) {
  const scope = join(folder, 'node_modules', '@anthropic-ai')
  if (!existsSync(scope)) return undefined
  return readdirSync(scope)
    .filter((name) => name.startsWith('claude-code-'))
    .map((name) => join(scope, name, process.platform === 'win32' ? 'claude.exe' : 'claude'))
    .find((path) => existsSync(path))
}

/** @returns {Promise<void>} */
function npm(/** @type {string[]} */ args) {
  const script = process.env['npm_execpath']
  const child = script && basename(script) === 'npm-cli.js'
    ? spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    : spawn('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], shell: process.platform === 'win32' })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  return new Promise((resolve, reject) => {
    const failed = (/** @type {string} */ why) => reject(new Error(
      `${PACKAGE} ${VERSION} could not be fetched. That needs npm and the network, once: npm run fetch:claude-code. ${why}`,
    ))
    child.on('error', (error) => failed(error.message))
    child.on('close', (code) => code === 0 ? resolve() : failed(firstErrors(said) || `npm ended with ${code}`))
  })
}

function firstErrors(/** @type {string} */ text) {
  return text.split('\n').filter((line) => line.startsWith('npm error')).slice(0, 3).join('; ')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await fetchClaudeCode())
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
