// Makes a folder in which the pool and its random schedules run as plain JavaScript, without a test runner around them. Types are not checked.
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'

const SOURCES = ['src', 'plugins', 'test/properties']
/** Not needed for the schedules; plugins are loaded when a config names them. */
const LEFT_OUT = /^(src\/(cli|compat)|plugins\/(drivers|gateways|metrics))\/|\.test\.ts$/

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
  writeFileSync(to, path.endsWith('.ts') ? javascript(text) : text)
}

function javascript(/** @type {string} */ text) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true }
  return ts.transpileModule(text, { compilerOptions }).outputText
}

/** @returns {string[]} */
function filesUnder(/** @type {string} */ path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)))
}
