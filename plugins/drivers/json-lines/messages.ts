import { encodeLine, GreenroomError, LineDecoder, type Child } from 'greenroom/kit'
import { isObject } from './partial-match.ts'

export interface LineHandlers<Line> {
  frame(line: Line): void
  error(error: GreenroomError): void
}

/** How messages are written and lines read: as values, or as the bytes they are. `Line` is what a line comes as. */
export interface Messages<Line = never> {
  decoder(handlers: LineHandlers<Line>): { push(chunk: Buffer): void }
  /** What a line is to those who get it, and what ids and patterns are looked up in. Throws SyntaxError when it is not JSON. */
  read(line: Line): { readonly message: unknown; readonly fields: unknown }
  /** A message that was read, as a value. Throws SyntaxError when it is not JSON. */
  valueOf(message: unknown): unknown
  /** The message with an id in it. Throws `MESSAGE_INVALID` when it has none of its own to be put in. */
  withId(message: unknown, name: string, id: unknown): unknown
  /** Throws `MESSAGE_INVALID` before anything is written. */
  write(stdin: Child['stdin'], message: unknown): void
}

/** Messages are values. Each costs one stringify and one write; each line one parse. */
export class ParsedMessages implements Messages<string> {
  readonly #maxFrame: number

  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame
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

  withId(message: unknown, name: string, id: unknown): unknown {
    if (!isObject(message)) throw noObject(name)
    if (Object.hasOwn(message, name)) throw idTaken(name)
    return { ...message, [name]: id }
  }

  write(stdin: Child['stdin'], message: unknown): void {
    stdin.write(encodeLine(message))
  }
}

export function noObject(name: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message must be an object: the driver puts an id in its field "${name}"`)
}

export function idTaken(name: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message must not have the field "${name}": the driver sets it`)
}
