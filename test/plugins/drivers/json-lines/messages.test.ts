import { describe, expect, it } from 'vitest'
import { ParsedMessages } from '../../../../plugins/drivers/json-lines/messages.ts'
import { options } from '../../../../plugins/drivers/json-lines/options.ts'

const messages = new ParsedMessages(options.parse({ command: 'any', id: 'the "id"' }))

describe('an id', () => {
  it.each([
    ['an empty object', {}],
    ['fields that are left out', { gone: undefined, other: () => 1 }],
    ['any fields', { text: '} {"\n', list: [{}], nested: { 'the "id"': 5 } }],
    ['fields like numbers', { 1: 'one', 2: 'two' }],
    ['its own way to be written', { secret: 1, toJSON: () => ({ shown: 2, 'the "id"': 7 }) }],
    ['a field of an object that writes itself', { at: new Date(0) }],
  ])('is in a line of %s, and so is what JSON has of the rest', (_what, message) => {
    const line = messages.encode(message, 7)
    expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(true)
    expect(JSON.parse(line)).toEqual({ ...(JSON.parse(JSON.stringify(message)) as object), 'the "id"': 7 })
  })

  it.each([['a list', []], ['nothing', null], ['a text', 'text'], ['an object that has one', { 'the "id"': 1 }], ['a cycle', cycle()]])('is refused to %s', (_what, message) => {
    expect(() => messages.encode(message, 7)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})

function cycle(): object {
  const self: Record<string, unknown> = {}
  self['self'] = self
  return self
}
