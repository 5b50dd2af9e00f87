// Prints one line of vitest's JSON reports: how many tests passed, failed and were skipped in all of them.
import { existsSync, readFileSync } from 'node:fs'

/**
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { status: string, assertionResults: unknown[] }[] }} Report
 */

const files = process.argv.slice(2)
if (files.length === 0) throw new Error('usage: node scripts/count-tests.mjs REPORT.json …')

let [passed, failed, skipped] = [0, 0, 0]
for (const file of files) {
  if (!existsSync(file)) {
    console.log(`no report in ${file}: the tests did not run to their end`)
    continue
  }
  const report = /** @type {Report} */ (JSON.parse(readFileSync(file, 'utf8')))
  // A file that could not even be loaded has no tests to count, and is a failure all the same.
  const unloaded = report.testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0).length
  passed += report.numPassedTests
  failed += report.numFailedTests + unloaded
  skipped += report.numPendingTests + report.numTodoTests
}
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`)
