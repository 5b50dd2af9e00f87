// Shows that the tests would notice: plants one deliberate fault after the other in a copy of the sources. See docs/guides/testing.md.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Bench, checkFaults } from './lib/mutants.mjs'
import { FAULTS } from './mutations/faults.mjs'

const HELP = `Plants the faults of scripts/mutations/faults.mjs one at a time, and plays random schedules (or runs the test that is named) until
the fault is caught. Ends with 1 when one is not, or when its text stands in the sources no more.

  npm run test:mutations -- [options]

  --only TEXT      only faults whose invariant or description has this text
  --schedules N    at most so many for each fault; default 4000
  --seed S         default 1
  --workers W      faults tried at the same time; default: one a core
  --help
`
const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    schedules: { type: 'string', default: '4000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main() {
  const faults = FAULTS.filter(({ breaks, what }) => `${breaks}: ${what}`.includes(values.only))
  try {
    checkFaults(root, faults)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'greenroom-mutations-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  const options = { seed: Number(values.seed), signal: stop.signal }

  const benches = Array.from({ length: Math.max(1, Math.min(Number(values.workers), faults.length)) }, (_, index) => {
    const own = join(folder, String(index))
    mkdirSync(own)
    return new Bench(root, own)
  })
  const waiting = [...faults]
  let survivors = 0
  await Promise.all(benches.map(async (bench) => {
    for (let fault = waiting.shift(); fault && !stop.signal.aborted; fault = waiting.shift()) {
      const { caught, by } = await bench.try(fault, { ...options, schedules: Number(values.schedules) })
      if (stop.signal.aborted) return
      if (!caught) survivors++
      console.log(`${caught ? 'caught  ' : 'SURVIVED'}  ${fault.breaks.padEnd(9)}  ${fault.what.padEnd(76)}  ${by}`)
    }
  }))
  const left = stop.signal.aborted ? ', interrupted' : ''
  console.log(`\n${faults.length} faults, ${survivors} survived${left}`)
  return stop.signal.aborted ? 130 : survivors === 0 ? 0 : 1
}
