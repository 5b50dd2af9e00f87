import { describe, expect, it } from 'vitest'
import { describeExit } from '../../src/process/exit-text.ts'

describe('the text of an exit', () => {
  it('says how the process ended', () => {
    expect(describeExit({ code: 3, signal: null }, '')).toBe('exited with code 3')
    expect(describeExit({ code: null, signal: 'SIGKILL' }, ' \n')).toBe('was killed by SIGKILL')
    expect(describeExit({ code: null, signal: null, error: new Error('no room') }, '')).toBe('could not be started: no room')
  })

  it('does not say twice that it could not be started', () => {
    expect(describeExit({ code: null, signal: null, error: new Error('"x" could not be started: no room') }, '')).toBe('"x" could not be started: no room')
  })

  it('has the last lines of stderr', () => {
    expect(describeExit({ code: 1, signal: null }, '1\n2\n3\n4\n5\n6\n\n')).toBe('exited with code 1. The last it wrote to stderr:\n2\n3\n4\n5\n6')
  })
})
