// Prints what failed according to vitest's JSON reports, and one line: how many tests passed, failed and were skipped in all of them.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/**
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { name: string, status: string, message: string, assertionResults: Test[] }[] }} Report
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} Test
 */

/** Lines of a failure that are repeated here; the rest is in the run's own output. */
const LINES = 10

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
  const unloaded = report.testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0)
  for (const { name, message } of unloaded) show(name, 'could not be loaded', message)
  for (const { name, assertionResults } of report.testResults) {
    for (const { status, fullName, failureMessages } of assertionResults) if (status === 'failed') show(name, fullName, failureMessages.join('\n'))
  }
  passed += report.numPassedTests
  failed += report.numFailedTests + unloaded.length
  skipped += report.numPendingTests + report.numTodoTests
}
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`)

/**
 * @param {string} path of the test file
 * @param {string} title
 * @param {string} message
 */
function show(path, title, message) {
  console.log(`failed: ${relative('.', path)}: ${title}`)
  const lines = stripVTControlCharacters(message).split('\n').filter((line) => !line.includes('node_modules'))
  for (const line of lines.slice(0, LINES)) console.log(`    ${line}`)
}
