// Runs a benchmark: npm run bench -- <name> [options]
import { UsageError } from './lib/arguments.mjs'

const SCENARIOS = {
  balancing: () => import('./balancing.mjs'),
  borrowing: () => import('./borrowing.mjs'),
  crash: () => import('./crash.mjs'),
  failing: () => import('./failing.mjs'),
  hosting: () => import('./hosting.mjs'),
  keeping: () => import('./keeping.mjs'),
  many: () => import('./many.mjs'),
  passing: () => import('./passing.mjs'),
  requests: () => import('./requests.mjs'),
  scaling: () => import('./scaling.mjs'),
  sharing: () => import('./sharing.mjs'),
  step: () => import('./step.mjs'),
  warmth: () => import('./warmth.mjs'),
  watch: () => import('./watch.mjs'),
}

const [name = '', ...args] = process.argv.slice(2)
const load = new Map(Object.entries(SCENARIOS)).get(name)
if (load) {
  try {
    await (await load()).run(args)
  } catch (error) {
    const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error)
    if (!(error instanceof UsageError) && !code.startsWith('ERR_PARSE_ARGS')) throw error
    console.error(`${name}: ${/** @type {Error} */ (error).message}`)
    process.exitCode = 2
  }
} else {
  console.error(`npm run bench -- <name>, where <name> is one of: ${Object.keys(SCENARIOS).join(', ')}`)
  process.exitCode = 2
}
