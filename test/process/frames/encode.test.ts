import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeContentLength, encodeLine, isGreenroomError, LineDecoder } from '../../../src/kit.ts'

const cycle: { self?: unknown } = {}
cycle.self = cycle

const INVALID: [string, unknown][] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a BigInt', { n: 1n }],
  ['a cycle', cycle],
  ['a toJSON that throws', { toJSON: () => { throw new Error('no') } }],
]

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return isGreenroomError(error) ? error.code : String(error)
  }
}

describe('encodeLine', () => {
  it('gives exactly one line that decodes to the same value', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const lines: string[] = []
      new LineDecoder({ frame: (line) => lines.push(line), error: (error) => { throw error } }).push(Buffer.from(encodeLine(value)))
      expect(lines).toEqual([JSON.stringify(value)])
    }))
  })

  it.each(INVALID)('refuses %s', (_what, value) => expect(codeOf(() => encodeLine(value))).toBe('MESSAGE_INVALID'))
})

describe('encodeContentLength', () => {
  it('counts bytes, not characters', () => {
    expect(encodeContentLength('é€😀').toString()).toBe('Content-Length: 11\r\n\r\n"é€😀"')
  })

  it.each(INVALID)('refuses %s', (_what, value) => expect(codeOf(() => encodeContentLength(value))).toBe('MESSAGE_INVALID'))
})
