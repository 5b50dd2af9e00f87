import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ParsedMessages } from '../../../../plugins/drivers/json-lines/messages.ts'
import { options } from '../../../../plugins/drivers/json-lines/options.ts'
import { Outbox } from '../../../../plugins/drivers/json-lines/outbox.ts'
import { RawMessages } from '../../../../plugins/drivers/json-lines/raw-messages.ts'

function scene({ gathers = true, raw = false } = {}) {
  const writes: string[] = []
  const stdin = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      writes.push(String(chunk))
      done()
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      done()
    },
  })
  const problems: Error[] = []
  stdin.on('error', (error) => problems.push(error))
  const given = options.parse({ command: 'any', raw })
  return { outbox: new Outbox(stdin, raw ? new RawMessages(given) : new ParsedMessages(given), gathers), stdin, writes, problems }
}

const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const numbers = (from: number, to: number): string => Array.from({ length: to - from }, (_, n) => `${from + n}\n`).join('')

describe('Outbox', () => {
  it('sends what comes in one turn of the event loop in order, eight at a time', async () => {
    const { outbox, writes } = scene()
    for (let n = 0; n < 20; n++) outbox.send(n)
    expect(writes).toEqual([numbers(0, 8), numbers(8, 16)])
    await turnOver()
    expect(writes).toEqual([numbers(0, 8), numbers(8, 16), numbers(16, 20)])
    outbox.send(20)
    await turnOver()
    expect(writes.at(-1)).toBe(numbers(20, 21))
  })

  it('lets long messages go at once', () => {
    const { outbox, writes } = scene()
    outbox.send('short')
    outbox.send('x'.repeat(70_000))
    expect(writes).toHaveLength(1)
  })

  it('sends each by itself where nobody shares the session', () => {
    const { outbox, writes } = scene({ gathers: false })
    for (let n = 0; n < 3; n++) outbox.send(n)
    expect(writes).toEqual(['0\n', '1\n', '2\n'])
  })

  it('keeps the order where bytes come between values', async () => {
    const { outbox, writes } = scene({ raw: true })
    outbox.send(1)
    outbox.send(Buffer.from('2'))
    outbox.send(3)
    await turnOver()
    expect(writes.join('')).toBe('1\n2\n3\n')
  })

  it('writes nothing of a message that can not be sent, and all others', async () => {
    const { outbox, writes } = scene()
    outbox.send(1)
    expect(() => outbox.send(undefined)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
    outbox.send(2)
    await turnOver()
    expect(writes).toEqual(['1\n2\n'])
  })

  it('writes what it has when it is told to, and nothing to an input that was ended', async () => {
    const { outbox, stdin, writes, problems } = scene()
    outbox.send(1)
    outbox.flush()
    outbox.send(2)
    stdin.end()
    await turnOver()
    expect(writes).toEqual(['1\n'])
    expect(problems).toEqual([])
  })
})
