import { GreenroomError, messageOf, type Child } from 'greenroom/kit'
import { scanFields, skipSpace } from './field-scanner.ts'
import { idTaken, noObject, ParsedMessages, type LineHandlers, type Messages } from './messages.ts'
import type { JsonLinesOptions } from './options.ts'
import { RawLines } from './raw-lines.ts'

const NEWLINE = 0x0a
const OPEN = 0x7b
const CLOSE = 0x7d

/** Bytes with an id put in, not copied. */
class WithId {
  readonly parts: readonly Uint8Array[]

  constructor(...parts: Uint8Array[]) {
    this.parts = parts
  }
}

/**
 * Messages are bytes, of one line each, that nobody but the program reads; of what it answers only those fields are parsed that ids and
 * patterns are about. What is given as a value is written as one, all the same.
 */
export class RawMessages implements Messages<Buffer> {
  readonly #maxFrame: number
  readonly #values: ParsedMessages
  /** The fields that are looked at. */
  readonly #names: ReadonlySet<string>

  constructor({ maxFrame, terminal, error, harmless, id }: JsonLinesOptions) {
    this.#maxFrame = maxFrame
    this.#values = new ParsedMessages(maxFrame)
    const patterns = [terminal, error, ...(Array.isArray(harmless) ? harmless : [harmless])]
    this.#names = new Set([...patterns.flatMap((pattern) => Object.keys(pattern ?? {})), ...(id === undefined ? [] : [id])])
  }

  decoder(handlers: LineHandlers<Buffer>): RawLines {
    return new RawLines(handlers, this.#maxFrame)
  }

  read(line: Buffer): { message: unknown; fields: unknown } {
    return { message: line, fields: this.#names.size === 0 ? undefined : scanFields(line, this.#names) }
  }

  valueOf(message: unknown): unknown {
    return JSON.parse((message as Buffer).toString())
  }

  withId(message: unknown, name: string, id: unknown): unknown {
    if (!(message instanceof Uint8Array)) return this.#values.withId(message, name, id)
    const bytes = oneLine(message)
    const fields = fieldsOf(bytes, name)
    if (fields === undefined) throw noObject(name)
    if (Object.hasOwn(fields, name)) throw idTaken(name)
    const inside = bytes.indexOf(OPEN) + 1
    const isEmpty = bytes[skipSpace(bytes, inside)] === CLOSE
    return new WithId(Buffer.from(`{${JSON.stringify(name)}:${JSON.stringify(id)}${isEmpty ? '' : ','}`), bytes.subarray(inside))
  }

  /** INV 1: what is two lines to the program would be answered twice. */
  write(stdin: Child['stdin'], message: unknown): void {
    const parts = message instanceof WithId ? message.parts : message instanceof Uint8Array ? [oneLine(message)] : undefined
    if (!parts) return this.#values.write(stdin, message)
    // One system call for all, without a copy of what may be long.
    stdin.cork()
    for (const part of parts) stdin.write(part)
    stdin.write('\n')
    stdin.uncork()
  }
}

function oneLine(message: Uint8Array): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length)
  if (bytes.includes(NEWLINE)) throw new GreenroomError('MESSAGE_INVALID', 'The message must be one line of JSON: take the line ends out of its bytes')
  if (bytes.length === 0) throw new GreenroomError('MESSAGE_INVALID', 'The message must be a line of JSON: it has no bytes')
  return bytes
}

function fieldsOf(bytes: Buffer, name: string): Record<string, unknown> | undefined {
  try {
    return scanFields(bytes, new Set([name]))
  } catch (error) {
    throw new GreenroomError('MESSAGE_INVALID', `The message must be a line of JSON: ${messageOf(error)}`, { cause: error })
  }
}
