import { encodeLine, GreenroomError, LineDecoder } from 'greenroom/kit'
import type { JsonLinesOptions } from './options.ts'
import { isObject } from './partial-match.ts'

export interface LineHandlers<Line> {
  frame(line: Line): void
  error(error: GreenroomError): void
}

/** One line as it is written, with its `\n`. */
export type Encoded = string | readonly Uint8Array[]

/** How messages are written and lines read: as values, or as the bytes they are. `Line` is what a line comes as. */
export interface Messages<Line = never> {
  decoder(handlers: LineHandlers<Line>): { push(chunk: Buffer): void }
  /** What a line is to those who get it, and what ids and patterns are looked up in. Throws SyntaxError when it is not JSON. */
  read(line: Line): { readonly message: unknown; readonly fields: unknown }
  /** A message that was read, as a value. Throws SyntaxError when it is not JSON. */
  valueOf(message: unknown): unknown
  /** With the id in it, if one is given. Throws `MESSAGE_INVALID` when the message can't be written, or has no place for an id. */
  encode(message: unknown, id?: number): Encoded
}

/** Messages are values. Each costs one stringify; each line one parse. */
export class ParsedMessages implements Messages<string> {
  readonly #maxFrame: number
  readonly #idField: string
  readonly #idHead: string

  constructor({ maxFrame, id }: JsonLinesOptions) {
    this.#maxFrame = maxFrame
    this.#idField = id ?? ''
    this.#idHead = idHead(this.#idField)
  }

  decoder(handlers: LineHandlers<string>): LineDecoder {
    return new LineDecoder(handlers, this.#maxFrame)
  }

  read(line: string): { message: unknown; fields: unknown } {
    const message: unknown = JSON.parse(line)
    return { message, fields: message }
  }

  valueOf(message: unknown): unknown {
    return message
  }

  encode(message: unknown, id?: number): string {
    if (id === undefined) return encodeLine(message)
    const name = this.#idField
    if (!isObject(message)) throw noObject(name)
    if (Object.hasOwn(message, name)) throw idTaken(name)
    // What says itself how it is written may be written as anything.
    if ('toJSON' in message) return encodeLine({ ...message, [name]: id })
    // Into the text: a copy of the message with one more field costs as much as the rest of it.
    const line = encodeLine(message)
    return `${this.#idHead}${id}${line === '{}\n' ? '' : ','}${line.slice(1)}`
  }
}

/** How an object begins whose first field is the id, which follows. */
export function idHead(name: string): string {
  return `{${JSON.stringify(name)}:`
}

export function noObject(name: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message must be an object: the driver puts an id in its field "${name}"`)
}

export function idTaken(name: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message must not have the field "${name}": the driver sets it`)
}
