// Runs a benchmark: npm run bench -- <name> [options]
const SCENARIOS = {
  balancing: () => import('./balancing.mjs'),
  keeping: () => import('./keeping.mjs'),
  scaling: () => import('./scaling.mjs'),
}

const [name = '', ...args] = process.argv.slice(2)
const load = new Map(Object.entries(SCENARIOS)).get(name)
if (load) await (await load()).run(args)
else {
  console.error(`npm run bench -- <name>, where <name> is one of: ${Object.keys(SCENARIOS).join(', ')}`)
  process.exitCode = 2
}
