import { describe, expect, it } from 'vitest'
import { reportError } from '../../src/cli/report-error.ts'
import { GreenroomError } from '../../src/contracts/index.ts'

function reported(thrown: unknown, env: Record<string, string> = {}): string {
  let text = ''
  reportError(thrown, { env, stderr: { write: (part) => { text += part; return true } } })
  return text
}

describe('reportError', () => {
  it('prints the code and the message, and then what led to it', () => {
    const spawn = new Error('spawn nothing ENOENT')
    const start = new GreenroomError('START_FAILED', 'it could not be started', { cause: spawn })
    expect(reported(new GreenroomError('BREAKER_OPEN', 'no starts for now', { cause: start })))
      .toBe('error BREAKER_OPEN: no starts for now\n  because: START_FAILED: it could not be started\n  because: spawn nothing ENOENT\n')
  })

  it('does not say twice what the message has already', () => {
    const cause = new Error('ENOENT')
    expect(reported(new GreenroomError('START_FAILED', 'could not start: ENOENT', { cause }))).toBe('error START_FAILED: could not start: ENOENT\n')
  })

  it('shows the last words of a session', () => {
    const exit = { code: 1, signal: null, stderr: 'no such module\nbye\n' }
    expect(reported(new GreenroomError('SESSION_CRASHED', 'it crashed', { exit }))).toContain('\n  | no such module\n  | bye\n')
  })

  it('prints what is no error of greenroom, and no stack', () => {
    expect(reported(new TypeError('oops'))).toBe('error: oops\n')
    expect(reported('text')).toBe('error: text\n')
  })

  it('prints stacks when asked to', () => {
    expect(reported(new TypeError('oops'), { GREENROOM_DEBUG: '1' })).toContain('report-error.test.ts')
  })

  it('comes to an end of causes that go in circles', () => {
    const error = new Error('round')
    error.cause = error
    expect(reported(error)).toBe('error: round\n')
  })
})
