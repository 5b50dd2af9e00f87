import { GreenroomError, messageOf } from 'greenroom/kit'
import { scanFields, skipSpace } from './field-scanner.ts'
import { type Encoded, idHead, idTaken, noObject, ParsedMessages, type LineHandlers, type Messages } from './messages.ts'
import type { JsonLinesOptions } from './options.ts'
import { RawLines } from './raw-lines.ts'

const NEWLINE = 0x0a
const OPEN = 0x7b
const CLOSE = 0x7d
const LINE_END = Buffer.from('\n')

/**
 * Messages are bytes, of one line each, that nobody but the program reads; of what it answers only those fields are parsed that ids and
 * patterns are about. What is given as a value is written as one, all the same.
 */
export class RawMessages implements Messages<Buffer> {
  readonly #maxFrame: number
  readonly #values: ParsedMessages
  readonly #idField: string
  /** The fields that are looked at. */
  readonly #names: ReadonlySet<string>

  constructor(options: JsonLinesOptions) {
    const { maxFrame, terminal, error, harmless, id } = options
    this.#maxFrame = maxFrame
    this.#values = new ParsedMessages(options)
    this.#idField = id ?? ''
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

  /** INV 1: what is two lines to the program would be answered twice. The bytes are not copied: they may be many. */
  encode(message: unknown, id?: number): Encoded {
    if (!(message instanceof Uint8Array)) return this.#values.encode(message, id)
    const bytes = oneLine(message)
    if (id === undefined) return [bytes, LINE_END]
    const name = this.#idField
    const fields = fieldsOf(bytes, name)
    if (fields === undefined) throw noObject(name)
    if (Object.hasOwn(fields, name)) throw idTaken(name)
    const inside = bytes.indexOf(OPEN) + 1
    const isEmpty = bytes[skipSpace(bytes, inside)] === CLOSE
    return [Buffer.from(`${idHead(name)}${id}${isEmpty ? '' : ','}`), bytes.subarray(inside), LINE_END]
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
