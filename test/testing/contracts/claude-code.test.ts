import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { driverContract } from 'greenroom/testing'
import { claudeWorld } from '../../support/claude-code.ts'

const { options } = await claudeWorld()

const cases = await driverContract({
  use: 'claude-code',
  options,
  message: { prompt: 'say here' },
  expect: (answer) => assert.equal((answer as { result: unknown }).result, 'here'),
  slowMessage: { prompt: 'hang' },
  invalidMessages: ['text', {}, { prompt: '' }, { prompt: 7 }, { prompt: [] }, { prompt: ['text'] }, { prompt: 'a', more: 1 }, { control: 'end_session' }],
  state: { write: (value) => ({ prompt: `say ${value}` }), read: { prompt: 'recall' } },
})

// Each case has processes of its own, and mostly waits.
describe.concurrent('the driver claude-code, on Claude Code', () => {
  for (const { title, run } of cases) it(title, run)
})
