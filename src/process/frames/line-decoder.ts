import { GreenroomError } from '../../contracts/errors.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { DEFAULT_MAX_FRAME_BYTES, frameLimit, frameTooLarge } from './frame-limits.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d

export interface LineHandlers {
  /** A line without its line end; never an empty one. */
  frame(line: string): void
  /** `FRAME_TOO_LARGE` or `PROTOCOL_ERROR`; at most once, and nothing comes after it. */
  error(error: GreenroomError): void
}

/**
 * Bytes in, lines of UTF-8 out (newline-delimited JSON and the like). A `\r` before the `\n` is dropped, empty lines are skipped.
 * A line that came in one chunk is decoded where it lies; only a line over several chunks is copied, in linear time.
 * `maxFrameBytes` bounds a line, its `\n` not counted. Default 64 MiB.
 */
export class LineDecoder {
  readonly #handlers: LineHandlers
  readonly #limit: number
  readonly #begun = new FrameBuffer()
  #over = false

  constructor(handlers: LineHandlers, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES) {
    this.#handlers = handlers
    this.#limit = frameLimit(maxFrameBytes)
  }

  push(chunk: Buffer): void {
    let start = 0
    while (!this.#over) {
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline === -1 ? chunk.length : newline
      if (this.#begun.length + end - start > this.#limit) return this.#fail(frameTooLarge(this.#limit, 'a line'))
      if (newline === -1) {
        if (start < end) this.#begun.append(chunk, start, end)
        return
      }
      this.#line(chunk, start, end)
      start = newline + 1
    }
  }

  /** No more bytes will come. A line that was begun and not ended is a `PROTOCOL_ERROR`. */
  end(): void {
    if (this.#over) return
    const { length } = this.#begun
    if (length === 0) this.#over = true
    else this.#fail(new GreenroomError('PROTOCOL_ERROR', `The program's output ended inside a line, after ${length} bytes of it`))
  }

  #line(chunk: Buffer, start: number, end: number): void {
    if (this.#begun.length === 0) return this.#emit(chunk, start, end)
    this.#begun.append(chunk, start, end)
    const line = this.#begun.take()
    this.#emit(line, 0, line.length)
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    const last = end > start && bytes[end - 1] === RETURN ? end - 1 : end
    if (last > start) this.#handlers.frame(bytes.toString('utf8', start, last))
  }

  #fail(error: GreenroomError): void {
    this.#over = true
    this.#begun.clear()
    this.#handlers.error(error)
  }
}
