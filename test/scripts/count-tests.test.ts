import { describe, expect, it } from 'vitest'
import { Project, ROOT } from '../support/project.ts'

describe('scripts/count-tests.mjs', () => {
  const lines = async (...reports: (string | undefined)[]): Promise<string[]> => {
    await using project = await Project.empty()
    const files = reports.map((_, n) => `report-${n}.json`)
    for (const [n, report] of reports.entries()) {
      if (report !== undefined) await project.write(files[n]!, report)
    }
    return (await project.run(process.execPath, [`${ROOT}scripts/count-tests.mjs`, ...files])).stdout.trimEnd().split('\n')
  }
  const count = async (...reports: (string | undefined)[]): Promise<string> => (await lines(...reports)).at(-1)!

  const unloaded = { name: `${ROOT}test/a.test.ts`, status: 'failed', message: 'no such module', assertionResults: [] }

  it('says how many tests passed, failed and were skipped', async () => {
    const report = { numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1, testResults: [{ status: 'failed', assertionResults: [{}] }] }
    expect(await count(JSON.stringify(report))).toBe('tests: 5 passed, 2 failed, 2 skipped')
  })

  it('counts a file that could not be loaded as a failure', async () => {
    const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [unloaded] }
    expect(await count(JSON.stringify(report))).toBe('tests: 5 passed, 1 failed, 0 skipped')
  })

  it('names what failed, with the first lines of why, before its last line', async () => {
    const failureMessages = ['\u001b[31mError\u001b[39m: no\n    at here\n    at /x/node_modules/y', 'again']
    const failed = { name: `${ROOT}test/b.test.ts`, status: 'failed', message: '', assertionResults: [{ status: 'failed', fullName: 'b does c', failureMessages }] }
    const report = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults: [unloaded, failed] }
    const found = await lines(JSON.stringify(report))
    expect(found).toHaveLength(7)
    expect(found[0]).toMatch(/^failed: .*a\.test\.ts: could not be loaded$/)
    expect(found[1]).toBe('    no such module')
    expect(found[2]).toMatch(/^failed: .*b\.test\.ts: b does c$/)
    expect(found.slice(3)).toEqual(['    Error: no', '        at here', '    again', 'tests: 5 passed, 2 failed, 0 skipped'])
  })

  it('adds up several reports', async () => {
    const report = JSON.stringify({ numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 0, testResults: [] })
    expect(await count(report, undefined, report)).toBe('tests: 10 passed, 4 failed, 2 skipped')
  })

  it('has its line also when no report was written', async () => {
    expect(await count(undefined)).toBe('tests: 0 passed, 0 failed, 0 skipped')
  })
})
