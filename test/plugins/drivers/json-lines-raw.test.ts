import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import jsonLines from '../../../plugins/drivers/json-lines.ts'
import { scanFields } from '../../../plugins/drivers/json-lines/field-scanner.ts'
import { RawLines } from '../../../plugins/drivers/json-lines/raw-lines.ts'
import { openDriver, until, type OpenDriver } from '../../support/driver-harness.ts'

const PROGRAM = fileURLToPath(new URL('../../fixtures/lines.mjs', import.meta.url))
const never = new AbortController().signal
const open = (options: object = {}): Promise<OpenDriver> => openDriver(jsonLines, { command: process.execPath, args: [PROGRAM], raw: true, ...options })
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const coded = (code: string): Error => expect.objectContaining({ code }) as Error

describe('fields of a line', () => {
  const scan = (text: string, ...names: string[]): unknown => scanFields(Buffer.from(text), new Set(names))

  it('are those that JSON.parse finds, in any object and any spacing', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer({ min: 0, max: 3 }), (object, indent) => {
      const text = JSON.stringify(object, undefined, indent)
      const whole = JSON.parse(text) as Record<string, unknown>
      const names = Object.keys(whole)
      expect(scanFields(Buffer.from(text), new Set(names))).toEqual(whole)
      for (const name of names) expect(scan(text, name)).toEqual({ [name]: whole[name] })
      expect(scan(text)).toEqual({})
    }), { numRuns: 500 })
  })

  it('are found behind long strings full of quotes and backslashes', () => {
    for (const part of ['"', '\\', '\\"', 'a"\\\\', '\n', `${'x'.repeat(31)}"`, `${'x'.repeat(40)}\\`, '€"']) {
      const text = JSON.stringify({ long: part.repeat(500), nested: [{ deep: part.repeat(99) }, ']}'], last: part })
      expect(scan(text, 'last')).toEqual({ last: part })
    }
  })

  it('count the last time when they come twice, whatever way their names are written', () => {
    expect(scan('{"type":1,"\\u0074ype":2,"__proto__":{"a":1}}', 'type')).toEqual({ type: 2 })
    expect(Object.keys(scan('{"__proto__":{"a":1}}', '__proto__') as object)).toEqual(['__proto__'])
  })

  it('has only an object', () => {
    for (const text of ['[{"type":1}]', '"type"', '7', 'null', '']) expect(scan(text, 'type')).toBeUndefined()
  })

  it('has no line whose outline is broken', () => {
    const broken = ['{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{"a" 1}', '{a:1}', '{"a":}', '{"a":"x', '{"a":"x\\', '{"a":[1}', '{"a":1}}', '{"a":1 "b":2}', '{"type":nope}', '{"a":{"b":"']
    for (const text of broken) expect(() => scan(text, 'type'), text).toThrow(SyntaxError)
  })
})

describe('lines as bytes', () => {
  function read(chunks: Buffer[], limit = 100): string[] {
    const seen: string[] = []
    const lines = new RawLines({ frame: (line) => void seen.push(line.toString()), error: ({ code }) => void seen.push(code) }, limit)
    for (const chunk of chunks) lines.push(chunk)
    return seen
  }

  it('are the same however they are cut', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(20)), (texts, cuts) => {
      const all = Buffer.from(texts.map((text) => `${text}\n`).join(''))
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) chunks.push(all.subarray(at, (at = Math.min(all.length, at + cut))))
      chunks.push(all.subarray(at))
      expect(read(chunks, 10_000)).toEqual(all.toString().split('\n').map((line) => line.replace(/\r$/, '')).filter((line) => line !== ''))
    }))
  })

  it('share no memory with the chunk they came in', () => {
    const chunk = Buffer.from('first\nsecond\n')
    const seen: Buffer[] = []
    new RawLines({ frame: (line) => void seen.push(line), error: () => undefined }, 100).push(chunk)
    chunk.fill(0)
    expect(seen.map(String)).toEqual(['first', 'second'])
  })

  it('are bounded, in one chunk and over many, and nothing comes after', () => {
    expect(read([Buffer.from('12345\n123456\n1\n')], 5)).toEqual(['12345', 'FRAME_TOO_LARGE'])
    expect(read([...Array<Buffer>(9).fill(Buffer.from('x')), Buffer.from('\nlate\n')], 5)).toEqual(['FRAME_TOO_LARGE'])
  })
})

describe('raw messages', () => {
  it('go and come as they are, byte for byte', async () => {
    await using session = await open()
    expect(await session.request(Buffer.from(' {"do" : "raw", "text":"{ \\"b\\" :1.0}\\r\\n"}'))).toEqual(Buffer.from('{ "b" :1.0}'))
    expect(await session.request(new Uint8Array(bytes({ do: 'echo', value: 'ü' })))).toEqual(bytes({ echo: 'ü' }))
    const long = 'x'.repeat(1_000_000)
    const answer = await session.request(bytes({ do: 'echo', value: long })) as Buffer
    expect(answer.equals(bytes({ echo: long }))).toBe(true)
  })

  it('may be values, which are written as JSON', async () => {
    await using session = await open({ id: 'id' })
    expect(await session.request({ do: 'echo', value: 1 })).toEqual(bytes({ id: 1, echo: 1 }))
  })

  it('give events until the terminal line, and fail with the line as details', async () => {
    await using session = await open({ terminal: { type: 'result' }, error: { type: 'error' }, harmless: { type: 'log' } })
    const turn = session.turn(bytes({ do: 'stream', count: 2 }))
    expect(await turn.result).toEqual(bytes({ type: 'result', total: 2 }))
    expect(turn.events).toEqual([bytes({ type: 'event', n: 0 }), bytes({ type: 'event', n: 1 })])
    await expect(session.request(bytes({ do: 'fail', value: 'no' }))).rejects.toMatchObject({ code: 'REQUEST_FAILED', details: { reason: 'no' } })
    expect(await session.request(bytes({ do: 'log' }))).toEqual(bytes({ type: 'result' }))
    await session.request(bytes({ do: 'unasked' }))
    await until(() => session.unsolicited.length === 1)
    expect(session.unsolicited).toEqual([bytes({ type: 'unasked' })])
  })

  it('get an id put in, by which answers in another order are matched', async () => {
    await using session = await open({ id: 'id', concurrency: 8, terminal: { type: 'result' } })
    const turns = [40, 1].map((ms) => session.turn(Buffer.from(` { "do":"later","ms":${ms},"value":${ms}}`)))
    expect(await Promise.all(turns.map((turn) => turn.result))).toEqual([bytes({ id: 1, type: 'result', value: 40 }), bytes({ id: 2, type: 'result', value: 1 })])
    session.turn(Buffer.from('{ }'))
    for (const text of ['[1]', 'null', '7', '{"a":1,"id":5}', '{"a"']) expect(() => session.turn(Buffer.from(text)), text).toThrow(coded('MESSAGE_INVALID'))
    expect(await session.request(bytes({ do: 'later', ms: 0, value: 'next' }))).toEqual(bytes({ id: 4, type: 'result', value: 'next' }))
    expect(session.broken).toEqual([])
  })

  it('are one line each, or refused before anything is sent (INV 1)', async () => {
    await using session = await open()
    for (const text of ['', '\n', '{"do":"echo"}\n', '{"do":"echo"}\n{"do":"echo"}']) expect(() => session.turn(Buffer.from(text))).toThrow(coded('MESSAGE_INVALID'))
    expect(await session.request(bytes({ do: 'echo', value: 1 }))).toEqual(bytes({ echo: 1 }))
  })

  it('leave the messages of the driver itself as they were', async () => {
    await using session = await open({
      terminal: { type: 'result' }, ready: { send: { do: 'ping' }, expect: { type: 'pong' } }, ping: { send: { do: 'ping' }, expect: { type: 'pong' } },
      park: { send: { do: 'save' }, field: 'token' }, resume: { send: { do: 'load' }, field: 'token', expect: { type: 'loaded' } },
    })
    await session.channel.ping!(never)
    await session.request(bytes({ do: 'remember', value: 'secret' }))
    expect(await session.channel.park!(never)).toBe('t:secret')
  })

  it('break the session when a line that has to be looked into is no JSON', async () => {
    const looking = [{ terminal: { type: 'result' } }, { ping: { send: { do: 'raw', text: 'nonsense\n' } } }, { error: { type: 'error' } }]
    const texts = ['{"type":"resu\n', undefined, '{"type":"error","a":{x}}\n']
    for (const [index, options] of looking.entries()) {
      await using session = await open(options)
      const text = texts[index]
      if (text === undefined) await expect(session.channel.ping!(never)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
      else await expect(session.request(bytes({ do: 'raw', text }))).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
      expect(session.broken).toHaveLength(1)
    }
  })
})
