// Prints one line of a vitest JSON report: how many tests passed, failed and were skipped.
import { existsSync, readFileSync } from 'node:fs'

const file = process.argv[2]
if (!file) throw new Error('usage: node scripts/count-tests.mjs REPORT.json')

/** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *           testResults: { status: string, assertionResults: unknown[] }[] } | undefined} */
const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
if (!report) console.log(`no report in ${file}: the tests did not run to their end`)
// A file that could not even be loaded has no tests to count, and is a failure all the same.
const unloaded = report?.testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0).length ?? 0
const passed = report?.numPassedTests ?? 0
const failed = (report?.numFailedTests ?? 0) + unloaded
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`)
