// Makes a folder in which the pool and its random schedules run as plain JavaScript, without a test runner around them. Types are not checked.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

const SOURCES = ['src', 'plugins', 'test/properties']
/** Not needed for the schedules; plugins are loaded when a config names them. */
const LEFT_OUT = /^(src\/(cli|compat)|plugins\/(drivers|gateways|metrics))\/|\.test\.ts$/

const OPTIONS = { target: 'es2022', module: 'esnext', rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true }

/**
 * @param {string} root the checkout
 * @param {string} folder an empty one; it gets the layout of the published package, so that plugins find 'greenroom/kit' by name
 */
export function compileInto(root, folder) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const source of SOURCES) {
    for (const file of filesUnder(join(root, source))) {
      const path = relative(root, file).replaceAll('\\', '/')
      if (!LEFT_OUT.test(path)) compileFile(folder, path, readFileSync(file, 'utf8'))
    }
  }
}

/** Compiles one file, of the checkout or changed, into a folder that `compileInto` has made. */
export function compileFile(/** @type {string} */ folder, /** @type {string} */ path, /** @type {string} */ text) {
  const to = join(folder, 'dist', path.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, path.endsWith('.ts') ? compiled(join(folder, 'node_modules/.cache/greenroom/compiled', path), text) : text)
}

/** What was made of the same text the last time, or made anew. */
function compiled(/** @type {string} */ cached, /** @type {string} */ text) {
  const head = `// ${createHash('sha256').update(JSON.stringify(OPTIONS)).update(text).digest('hex')}\n`
  try {
    const found = readFileSync(cached, 'utf8')
    if (found.startsWith(head)) return found
  } catch {
    // Nobody has compiled it yet.
  }
  const made = head + javascript(text)
  // Moved in whole: others may be reading it.
  const fresh = `${cached}.${process.pid}`
  mkdirSync(dirname(cached), { recursive: true })
  writeFileSync(fresh, made)
  renameSync(fresh, cached)
  return made
}

const require = createRequire(import.meta.url)

function javascript(/** @type {string} */ text) {
  // Loading the compiler takes longer than reading all that it has made.
  const ts = /** @type {import('typescript')} */ (require('typescript'))
  const { options: compilerOptions } = ts.convertCompilerOptionsFromJson(OPTIONS, '')
  return ts.transpileModule(text, { compilerOptions }).outputText
}

/** @returns {string[]} */
function filesUnder(/** @type {string} */ path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)))
}
