// Whether interpreters outlive being interrupted just as they come to their end, thousands of times:  npm run races -- --cancels 2000 --only bash,sh
// It ends with 1 when a session was lost, an answer was another's, or nothing came.
import { parseArgs } from 'node:util'
import { CONTESTANTS, race } from './soak/races.mjs'

const { values } = parseArgs({ options: { cancels: { type: 'string', default: '2000' }, only: { type: 'string' } } })
const cancels = Number(values.cancels)
const names = values.only?.split(',') ?? [...CONTESTANTS.keys()]
if (!(cancels > 0) || names.some((name) => !CONTESTANTS.has(name))) {
  console.error(`npm run races -- [--cancels N] [--only ${[...CONTESTANTS.keys()].join(',')}]`)
  process.exit(2)
}
for (const name of names) {
  const contestant = CONTESTANTS.get(name)
  if (!contestant) continue
  const { aborted, answered, faults } = await race(contestant, { cancels })
  console.log(`${name.padEnd(12)} ${cancels} given up: ${aborted} before the answer, ${answered} after it; ${faults.length} faults`)
  for (const fault of faults.slice(0, 10)) console.log(`  ${fault}`)
  if (faults.length > 0) process.exitCode = 1
}
