import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineDecoder, type GreenroomError } from '../../../src/kit.ts'
import { chunked, cuts } from './chunked.ts'

interface Decoded {
  lines: string[]
  errors: GreenroomError[]
}

function decode(chunks: readonly Buffer[], { max, end = true }: { max?: number; end?: boolean } = {}): Decoded {
  const decoded: Decoded = { lines: [], errors: [] }
  const decoder = new LineDecoder({ frame: (line) => decoded.lines.push(line), error: (error) => decoded.errors.push(error) }, max)
  for (const chunk of chunks) decoder.push(chunk)
  if (end) decoder.end()
  return decoded
}

const text = (value: string): Buffer[] => [Buffer.from(value)]

describe('LineDecoder', () => {
  it('gives the lines of a chunk, in order', () => {
    expect(decode(text('one\ntwo\nthree\n'))).toEqual({ lines: ['one', 'two', 'three'], errors: [] })
  })

  it('drops a carriage return before the line end, and only there', () => {
    expect(decode(text('a\r\nb\rc\n\rd\n')).lines).toEqual(['a', 'b\rc', '\rd'])
  })

  it('drops a carriage return that came in an earlier chunk than its line end', () => {
    expect(decode([Buffer.from('a\r'), Buffer.from('\n\r'), Buffer.from('\nb\n')]).lines).toEqual(['a', 'b'])
  })

  it('skips empty lines', () => {
    expect(decode(text('\n\na\n\r\n\nb\n\n'))).toEqual({ lines: ['a', 'b'], errors: [] })
  })

  it('takes empty chunks', () => {
    expect(decode([Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(0), Buffer.from('\n'), Buffer.alloc(0)]).lines).toEqual(['a'])
  })

  it('gives the same lines however the bytes are split, also inside a character', () => {
    const line = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\r\n]/.test(text) && Buffer.from(text).toString() === text)
    fc.assert(fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), cuts, (expected, lineEnd, at) => {
      const bytes = Buffer.from(expected.map((line) => line + lineEnd).join(''))
      expect(decode(chunked(bytes, at))).toEqual({ lines: expected, errors: [] })
    }))
  })

  it('judges the size of a line the same however the bytes are split', () => {
    const lines = fc.array(fc.integer({ min: 1, max: 20 }).map((length) => 'x'.repeat(length)))
    fc.assert(fc.property(lines, cuts, (given, at) => {
      const bytes = Buffer.from(given.map((line) => `${line}\n`).join(''))
      const tooLong = given.findIndex((line) => line.length > 10)
      const decoded = decode(chunked(bytes, at), { max: 10 })
      expect(decoded.lines).toEqual(tooLong === -1 ? given : given.slice(0, tooLong))
      expect(decoded.errors.map(({ code }) => code)).toEqual(tooLong === -1 ? [] : ['FRAME_TOO_LARGE'])
    }))
  })

  it('refuses a line over the limit before its end has come, once, and ignores what follows', () => {
    const chunks = ['ok\n12345', '67890', '1', '\nmore\n', 'x'.repeat(50)].map((chunk) => Buffer.from(chunk))
    const { lines, errors } = decode(chunks, { max: 10 })
    expect(lines).toEqual(['ok'])
    expect(errors.map(({ code }) => code)).toEqual(['FRAME_TOO_LARGE'])
    expect(errors[0]?.message).toContain('10B')
  })

  it('takes a line of exactly the limit', () => {
    expect(decode(text('1234567890\n'), { max: 10 }).lines).toEqual(['1234567890'])
  })

  it('reports output that ends inside a line', () => {
    const { lines, errors } = decode(text('whole\nhalf'))
    expect(lines).toEqual(['whole'])
    expect(errors.map(({ code, message }) => [code, message])).toEqual([['PROTOCOL_ERROR', expect.stringContaining('after 4 bytes')]])
  })

  it('ignores bytes after the end', () => {
    const lines: string[] = []
    const decoder = new LineDecoder({ frame: (line) => lines.push(line), error: (error) => { throw error } })
    decoder.end()
    decoder.push(Buffer.from('late\n'))
    decoder.end()
    expect(lines).toEqual([])
  })

  it('reads one line of 32 MiB in a hundred thousand chunks without copying it again for each', () => {
    const chunk = Buffer.alloc(335, 'x')
    const chunks = [...Array<Buffer>(100_000).fill(chunk), Buffer.from('\n')]
    const { lines, errors } = decode(chunks)
    expect(errors).toEqual([])
    expect(lines.map((line) => line.length)).toEqual([33_500_000])
  }, 20_000)
})
