// Runs an example with this checkout's greenroom, building it first when needed:  npm run example -- interpreter
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const examples = new URL('../examples/', import.meta.url)
const name = process.argv[2] ?? ''
const main = new URL(`${name}/main.ts`, examples)

if (!/^[\w-]+$/.test(name) || !existsSync(main)) {
  const known = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  console.error(`${name ? `there is no example "${name}"` : 'which example?'} Known: ${known.join(', ')}\n\n  npm run example -- ${known[0]}`)
  process.exit(2)
}

const ready = spawnSync(process.execPath, [fileURLToPath(new URL('ensure.mjs', import.meta.url))], { stdio: 'inherit' })
if (ready.status !== 0) process.exit(1)

// Node 22.18 and newer run TypeScript by themselves; jiti does it for Node 20.
const { createJiti } = await import('jiti')
// An example that is a package of its own finds this checkout's build, too.
const built = (/** @type {string} */ file) => fileURLToPath(new URL(`../dist/src/${file}.js`, import.meta.url))
const alias = existsSync(new URL(`${name}/package.json`, examples)) ? { 'greenroom/kit': built('kit'), greenroom: built('index') } : {}
await createJiti(import.meta.url, { fsCache: false, alias }).import(fileURLToPath(main))
