import { describe, expect, it } from 'vitest'
import { spawnProblem } from '../../src/process/spawn-problem.ts'

describe('the reason why a command could not be started', () => {
  it('says what to do when the system has no room', () => {
    for (const [code, advice] of [['EAGAIN', 'size.max'], ['ENOMEM', 'size.max'], ['EMFILE', 'ulimit -n'], ['ENFILE', 'ulimit -n'], ['EPERM', 'permissions']]) {
      const problem = spawnProblem(Object.assign(new Error(`spawn ${code}`), { code }), { command: 'tool', cwd: '/' })
      expect(problem).toMatchObject({ code, message: expect.stringContaining(advice!) as string })
      expect(problem.message).toContain(`(${code})`)
    }
  })

  it("passes on the system's words when it knows no better", () => {
    expect(spawnProblem(new Error('strange'), { command: 'tool' }).message).toBe('"tool" could not be started: strange')
    expect(spawnProblem('text', { command: 'tool' }).message).toBe('"tool" could not be started: text')
  })
})
