import { describe, expect, it } from 'vitest'
import memory from '../../../plugins/limits/memory.ts'
import type { Limit } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const MB = 2 ** 20
const make = async (options: unknown): Promise<Limit> => (await makeStrategy('limit', 'memory', memory, options)).strategy
const problems = (options: unknown) => problemsWith('limit', 'memory', memory, options)
const session = sessionView()
const OUTPUT = { stdoutBytes: 0 }

describe('the limit memory', () => {
  it('lets a session below both limits be', async () => {
    const limit = await make({ soft: '400MB', hard: '600MB' })
    expect(limit.judge(session, { memoryBytes: 400 * MB - 1 }, OUTPUT)).toEqual({ action: 'ok' })
  })

  it('recycles from the soft limit on, with the figures', async () => {
    const limit = await make({ soft: '400MB', hard: '600MB' })
    const reason = 'it used 400MB, its soft limit is 400MB (limits.memory.soft)'
    expect(limit.judge(session, { memoryBytes: 400 * MB }, OUTPUT)).toEqual({ action: 'recycle', reason })
    expect(limit.judge(session, { memoryBytes: 600 * MB - 1 }, OUTPUT).action).toBe('recycle')
  })

  it('ends from the hard limit on, with the figures and the code its lease gets', async () => {
    const limit = await make({ soft: '400MB', hard: '600MB' })
    const reason = 'it used 2GB, its hard limit is 600MB (limits.memory.hard)'
    expect(limit.judge(session, { memoryBytes: 2_048 * MB }, OUTPUT)).toEqual({
      action: 'end', code: 'SESSION_MEMORY_LIMIT', reason, limit: { name: 'limits.memory.hard', used: 2_048 * MB, allowed: 600 * MB },
    })
    expect(limit.judge(session, { memoryBytes: 600 * MB }, OUTPUT).action).toBe('end')
  })

  it('takes either limit alone', async () => {
    const soft = await make({ soft: 100 * MB })
    expect(soft.judge(session, { memoryBytes: 1_000 * MB }, OUTPUT).action).toBe('recycle')
    const hard = await make({ hard: 100 * MB })
    expect(hard.judge(session, { memoryBytes: 99 * MB }, OUTPUT).action).toBe('ok')
    expect(hard.judge(session, { memoryBytes: 100 * MB }, OUTPUT).action).toBe('end')
  })

  it('ends at once where both limits are the same', async () => {
    const limit = await make({ soft: '1MB', hard: '1MB' })
    expect(limit.judge(session, { memoryBytes: MB }, OUTPUT).action).toBe('end')
  })

  it('goes by proportional memory where it is known, and asks for it from the lower limit on', async () => {
    const limit = await make({ soft: '400MB', hard: '600MB' })
    expect(limit.exactMemoryFrom).toBe(400 * MB)
    expect((await make({ hard: '600MB' })).exactMemoryFrom).toBe(600 * MB)
    expect(limit.judge(session, { memoryBytes: 900 * MB, proportionalBytes: 399 * MB }, OUTPUT).action).toBe('ok')
    expect(limit.judge(session, { memoryBytes: 900 * MB, proportionalBytes: 500 * MB }, OUTPUT).action).toBe('recycle')
    expect(limit.judge(session, { memoryBytes: 900 * MB, proportionalBytes: 700 * MB, processes: 3 }, OUTPUT)).toMatchObject({
      action: 'end', reason: 'it used 700MB in 3 processes, its hard limit is 600MB (limits.memory.hard)',
    })
    // An old figure of a session that has shrunk since.
    expect(limit.judge(session, { memoryBytes: 399 * MB, proportionalBytes: 700 * MB }, OUTPUT).action).toBe('ok')
  })

  it('believes resident memory of several processes only the second time in a row', async () => {
    const limit = await make({ hard: '600MB' })
    const verdicts = [700, 500, 700, 700].map((megabytes) => limit.judge(session, { memoryBytes: megabytes * MB, processes: 2 }, OUTPUT).action)
    expect(verdicts).toEqual(['ok', 'ok', 'ok', 'end'])
    expect(limit.judge(sessionView(), { memoryBytes: 700 * MB, processes: 1 }, OUTPUT).action).toBe('end')
  })

  it('does nothing about memory that is unknown', async () => {
    const limit = await make({ soft: 1, hard: 1 })
    expect(limit.judge(session, {}, OUTPUT)).toEqual({ action: 'ok' })
    expect(limit.judge(session, { cpuPercent: 100 }, OUTPUT)).toEqual({ action: 'ok' })
  })

  it('refuses limits that make no sense', async () => {
    expect(await problems({})).toEqual(['give soft, hard or both'])
    expect(await problems({ soft: '2GB', hard: '1GB' })).toEqual(['soft must not be more than hard'])
    expect(await problems({ soft: 0 })).toHaveLength(1)
    expect(await problems({ hard: '10 pounds' })).toHaveLength(1)
    expect(await problems({ hard: '1GB', firm: '1GB' })).toEqual([expect.stringContaining('firm')])
  })
})
