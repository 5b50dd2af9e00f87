import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StderrTail } from '../../src/process/stderr-tail.ts'

const tailOf = (capacity: number, ...chunks: (string | Buffer)[]): string => {
  const tail = new StderrTail(capacity)
  for (const chunk of chunks) tail.push(Buffer.from(chunk as string))
  return tail.text()
}

describe('the stderr tail', () => {
  it('is all of it while it fits', () => {
    expect(tailOf(8)).toBe('')
    expect(tailOf(8, 'abc\n', 'defg')).toBe('abc\ndefg')
  })

  it('begins with a whole line when it is cut', () => {
    expect(tailOf(10, 'first line\nsecond\n')).toBe('second\n')
    expect(tailOf(10, 'aaaaaaaa\n', 'bb\n', 'cc\n')).toBe('bb\ncc\n')
  })

  it('keeps the end of a line that is longer than the tail', () => {
    expect(tailOf(4, 'abcdefgh')).toBe('efgh')
    expect(tailOf(4, 'abcdefg\n')).toBe('efg\n')
  })

  it('never begins in the middle of a character', () => {
    expect(tailOf(5, '€€€')).toBe('€')
    expect(tailOf(6, 'x😀😀')).toBe('😀')
  })

  it('is the end of what was written, whatever the chunks', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 8, max: 64 }), (chunks, capacity) => {
      const all = chunks.join('')
      const text = tailOf(capacity, ...chunks)
      expect(all.endsWith(text)).toBe(true)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(capacity)
      if (Buffer.byteLength(all) <= capacity) expect(text).toBe(all)
    }))
  })
})
