import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ContentLengthDecoder, encodeContentLength, type GreenroomError } from '../../../src/kit.ts'
import { chunked, cuts } from './chunked.ts'

interface Decoded {
  bodies: string[]
  errors: GreenroomError[]
}

function decode(chunks: readonly (Buffer | string)[], max?: number): Decoded {
  const decoded: Decoded = { bodies: [], errors: [] }
  const decoder = new ContentLengthDecoder({
    frame: (body) => decoded.bodies.push(body.toString()),
    error: (error) => decoded.errors.push(error),
  }, max)
  for (const chunk of chunks) decoder.push(Buffer.from(chunk))
  decoder.end()
  return decoded
}

/** The code of the only error, and its message. */
function errorOf(...chunks: string[]): string {
  const { errors } = decode(chunks)
  expect(errors).toHaveLength(1)
  return `${errors[0]!.code}: ${errors[0]!.message}`
}

describe('ContentLengthDecoder', () => {
  it('gives several bodies of one chunk, in order', () => {
    expect(decode(['Content-Length: 2\r\n\r\nabContent-Length: 3\r\n\r\ncde'])).toEqual({ bodies: ['ab', 'cde'], errors: [] })
  })

  it('reads header names in any case and ignores headers it does not know', () => {
    const header = 'content-TYPE: application/vscode-jsonrpc; charset=utf-8\r\ncONTENT-length:2\r\nX-Other: a:b\r\n\r\n'
    expect(decode([`${header}ab`])).toEqual({ bodies: ['ab'], errors: [] })
  })

  it('takes header lines that end without a carriage return', () => {
    expect(decode(['Content-Length: 2\n\nab']).bodies).toEqual(['ab'])
  })

  it('gives an empty body without waiting for another byte', () => {
    expect(decode(['Content-Length: 0\r\n\r\n'])).toEqual({ bodies: [''], errors: [] })
  })

  it('takes a length that is said twice alike', () => {
    expect(decode(['Content-Length: 2\r\nContent-Length: 2\r\n\r\nab']).bodies).toEqual(['ab'])
  })

  it('gives the same bodies however the bytes are split, also inside a header or a character', () => {
    fc.assert(fc.property(fc.array(fc.json()), cuts, (expected, at) => {
      const bytes = Buffer.concat(expected.map((json) => encodeContentLength(json)))
      expect(decode(chunked(bytes, at))).toEqual({ bodies: expected.map((json) => JSON.stringify(json)), errors: [] })
    }))
  })

  it('keeps a body that came in pieces when the next one arrives', () => {
    const bodies: Buffer[] = []
    const decoder = new ContentLengthDecoder({ frame: (body) => bodies.push(body), error: (error) => { throw error } })
    for (const chunk of ['Content-Length: 4\r\n\r\nab', 'cdContent-Length: 4\r\n\r\nwx', 'yz']) decoder.push(Buffer.from(chunk))
    expect(bodies.map(String)).toEqual(['abcd', 'wxyz'])
  })

  it('refuses a body over the limit when its length is read, once, and ignores what follows', () => {
    const chunks = ['Content-Length: 2\r\n\r\nabContent-Length: 11\r\n', '\r\n', 'x'.repeat(11), 'Content-Length: 1\r\n\r\nz']
    const { bodies, errors } = decode(chunks, 10)
    expect(bodies).toEqual(['ab'])
    expect(errors.map(({ code }) => code)).toEqual(['FRAME_TOO_LARGE'])
  })

  it('does not reserve memory for a length that is only claimed', () => {
    const before = process.memoryUsage().arrayBuffers
    const decoder = new ContentLengthDecoder({ frame: () => undefined, error: (error) => { throw error } })
    decoder.push(Buffer.from('Content-Length: 60000000\r\n\r\nx'))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })

  it('says what stood where a header was due', () => {
    expect(errorOf('Server started!\nContent-Length: 2\r\n\r\nab')).toMatch(/^PROTOCOL_ERROR: .*"Server started!".*stderr/)
  })

  it.each([
    ['a length that is not a number', 'Content-Length: two\r\n\r\n', 'no number of bytes: "two"'],
    ['a negative length', 'Content-Length: -2\r\n\r\n', 'no number of bytes: "-2"'],
    ['two lengths that differ', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n', 'two Content-Lengths'],
    ['a header without a length', 'Content-Type: text\r\n\r\n', 'without a Content-Length'],
    ['an empty line before a header', '\r\nContent-Length: 2\r\n\r\nab', 'without a Content-Length'],
    ['a header that never ends', `X: ${'y'.repeat(9000)}`, 'no message header within 8KB'],
    ['header lines without end', 'X: yyyyyyyy\r\n'.repeat(1000), 'no message header within 8KB'],
    ['output that ends inside a header line', 'Content-Le', "inside a message's header"],
    ['output that ends between header lines', 'Content-Length: 2\r\n', "inside a message's header"],
    ['output that ends inside a body', 'Content-Length: 4\r\n\r\nab', 'after 2 of 4 bytes'],
  ])('reports %s as a protocol error', (_what, bytes, message) => {
    expect(errorOf(bytes)).toContain(`PROTOCOL_ERROR: The program`)
    expect(errorOf(bytes)).toContain(message)
    expect(errorOf(...bytes)).toContain(message)
  })

  it('ignores bytes after the end', () => {
    const decoder = new ContentLengthDecoder({ frame: () => { throw new Error('a frame') }, error: (error) => { throw error } })
    decoder.end()
    decoder.push(Buffer.from('Content-Length: 0\r\n\r\n'))
    decoder.end()
  })
})
