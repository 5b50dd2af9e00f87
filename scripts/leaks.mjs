// Whether a pool holds anything of leases that are over: heap, descriptors, timers and listeners before and after 100,000 of them, with and
// without keys, streams, time-outs, aborts and refusals among them. It ends with 1 when anything has grown:  npm run leaks -- --leases 100000
import { parseArgs } from 'node:util'
import { grown, measureLeaks } from './soak/leases.mjs'

const { values } = parseArgs({ options: { leases: { type: 'string', default: '100000' } } })
const leases = Number(values.leases)
if (!(leases > 0)) {
  console.error('npm run leaks -- [--leases N]')
  process.exit(2)
}
const { before, after } = await measureLeaks({ leases })
console.log(`${leases} leases\n\n                     before      after`)
for (const name of /** @type {const} */ (['heapBytes', 'descriptors', 'timers', 'listeners'])) {
  console.log(`${name.padEnd(14)} ${String(before[name]).padStart(12)} ${String(after[name]).padStart(10)}`)
}
const leaks = grown(before, after)
for (const name of leaks) console.log(`${name} has grown`)
process.exitCode = leaks.length > 0 ? 1 : 0
