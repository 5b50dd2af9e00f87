import { describe, expect, it } from 'vitest'
import { Project, ROOT } from '../support/project.ts'

describe('scripts/count-tests.mjs', () => {
  const count = async (...reports: (string | undefined)[]): Promise<string> => {
    await using project = await Project.empty()
    const files = reports.map((_, n) => `report-${n}.json`)
    for (const [n, report] of reports.entries()) {
      if (report !== undefined) await project.write(files[n]!, report)
    }
    return (await project.run(process.execPath, [`${ROOT}scripts/count-tests.mjs`, ...files])).stdout.trimEnd().split('\n').at(-1)!
  }

  it('says how many tests passed, failed and were skipped', async () => {
    const report = { numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1, testResults: [{ status: 'failed', assertionResults: [{}] }] }
    expect(await count(JSON.stringify(report))).toBe('tests: 5 passed, 2 failed, 2 skipped')
  })

  it('counts a file that could not be loaded as a failure', async () => {
    const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [{ status: 'failed', assertionResults: [] }] }
    expect(await count(JSON.stringify(report))).toBe('tests: 5 passed, 1 failed, 0 skipped')
  })

  it('adds up several reports', async () => {
    const report = JSON.stringify({ numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 0, testResults: [] })
    expect(await count(report, undefined, report)).toBe('tests: 10 passed, 4 failed, 2 skipped')
  })

  it('has its line also when no report was written', async () => {
    expect(await count(undefined)).toBe('tests: 0 passed, 0 failed, 0 skipped')
  })
})
