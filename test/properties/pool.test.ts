import fc from 'fast-check'
import { expect, it } from 'vitest'
import { describeFailure, keepsItsPromises } from './property.ts'

/** Less than ten seconds' worth on a small machine. More: `npm run test:deep`. */
const RUNS = Number(process.env['GREENROOM_RUNS'] ?? 200)
const SEED = process.env['GREENROOM_SEED']

it('keeps its promises in any schedule of callers, crashes, delays and refusals', { timeout: 3_600_000 }, async () => {
  const details = await fc.check(keepsItsPromises(), { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) })
  expect(details.failed, details.failed ? describeFailure(details) : '').toBe(false)
  expect(details.numRuns).toBe(RUNS)
})
