import { describe, expect, it } from 'vitest'
import { parseMessage } from '../../src/cli/parse-message.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

describe('parseMessage', () => {
  it('sends a JSON object as it is, to any driver', () => {
    expect(parseMessage('{"method":"tools/list"}', 'auto', 'mcp')).toEqual({ method: 'tools/list' })
    expect(parseMessage(' {"code":"1"} ', 'auto', 'node-repl')).toEqual({ code: '1' })
  })

  it.each(['6 * 7', '42', '"text"', '[1, 2]', 'null', '{ not: "JSON" }'])('takes %s for code', (text) => {
    expect(parseMessage(text, 'auto', 'node-repl')).toEqual({ code: text })
    expect(parseMessage(text, 'auto', 'python-repl')).toEqual({ code: text })
    expect(parseMessage(text, 'auto', 'shell')).toEqual({ command: text })
    expect(parseMessage(text, 'auto', 'acp')).toEqual({ prompt: text })
    expect(parseMessage(text, 'auto', 'claude-code')).toEqual({ prompt: text })
  })

  it('refuses code for a driver that takes none', () => {
    expect(() => parseMessage('6 * 7', 'auto', 'mcp')).toThrow(UsageError)
    expect(() => parseMessage('6 * 7', 'auto', 'mcp')).toThrow('--json or --text')
  })

  it('takes any JSON when told that it is JSON, and refuses what is not', () => {
    expect(parseMessage('[1]', 'json', 'mcp')).toEqual([1])
    expect(parseMessage('null', 'json', 'mcp')).toBe(null)
    expect(() => parseMessage('6 * 7', 'json', 'mcp')).toThrow('the message is not JSON')
  })

  it('looks into nothing when told that it is text', () => {
    expect(parseMessage('{"a":1}', 'text', 'json-lines')).toBe('{"a":1}')
  })

  it('refuses an empty message', () => {
    expect(() => parseMessage('', 'auto', 'node-repl')).toThrow('empty')
  })
})
