import { describe, expect, it } from 'vitest'
import processes from '../../../plugins/limits/processes.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const OUTPUT = { stdoutBytes: 0 }
const make = async (options: unknown) => (await makeStrategy('limit', 'processes', processes, options)).strategy

describe('the limit processes', () => {
  it('ends a session that has more than it may, with the figures', async () => {
    const limit = await make({ max: 10 })
    expect(limit.judge(sessionView(), { processes: 10 }, OUTPUT)).toEqual({ action: 'ok' })
    expect(limit.judge(sessionView(), { processes: 11 }, OUTPUT)).toEqual({
      action: 'end', code: 'SESSION_LIMIT', reason: 'it had 11 processes, its limit is 10 (limits.processes.max)',
      limit: { name: 'limits.processes.max', used: 11, allowed: 10 },
    })
  })

  it.each(['report', 'recycle'] as const)('does no more than it is told to: %s', async (then) => {
    expect((await make({ max: 1, then })).judge(sessionView(), { processes: 2 }, OUTPUT)).toMatchObject({ action: then })
  })

  it('judges nobody whose processes can not be counted', async () => {
    expect((await make({ max: 1 })).judge(sessionView(), { memoryBytes: 5 }, OUTPUT)).toEqual({ action: 'ok' })
  })

  it('refuses options that make no sense', async () => {
    for (const options of [{}, { max: 0 }, { max: 1.5 }, { max: 1, then: 'throttle' }]) {
      expect(await problemsWith('limit', 'processes', processes, options)).toHaveLength(1)
    }
  })
})
