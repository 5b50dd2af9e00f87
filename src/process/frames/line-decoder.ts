import { GreenroomError } from '../../contracts/errors.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { DEFAULT_MAX_FRAME_BYTES, frameLimit, frameTooLarge } from './frame-limits.ts'

const NEWLINE = 0x0a

export interface LineHandlers {
  /** A line without its line end; never an empty one. */
  frame(line: string): void
  /** `FRAME_TOO_LARGE` or `PROTOCOL_ERROR`; at most once, and nothing comes after it. */
  error(error: GreenroomError): void
}

/**
 * Bytes in, lines of UTF-8 out (newline-delimited JSON and the like). A `\r` before the `\n` is dropped, empty lines are skipped.
 * Lines that came in one chunk are decoded where they lie, all at once; only a line over several chunks is copied, in linear time.
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
    if (this.#over) return
    const last = chunk.lastIndexOf(NEWLINE)
    if (last !== -1) this.#lines(chunk, last)
    this.#begin(chunk, last + 1)
  }

  /** No more bytes will come. A line that was begun and not ended is a `PROTOCOL_ERROR`. */
  end(): void {
    if (this.#over) return
    const { length } = this.#begun
    if (length === 0) this.#over = true
    else this.#fail(new GreenroomError('PROTOCOL_ERROR', `The program's output ended inside a line, after ${length} bytes of it`))
  }

  /** The lines that end in a chunk; `last` is where the last of them does. */
  #lines(chunk: Buffer, last: number): void {
    let start = 0
    // What may hold too long a line is taken apart byte by byte; and so is what belongs to one that was begun.
    while (start <= last && (this.#begun.length > 0 || last - start > this.#limit)) {
      const end = chunk.indexOf(NEWLINE, start)
      if (!this.#begin(chunk, start, end)) return
      if (this.#begun.length > 0) this.#emit(this.#begun.take().toString())
      start = end + 1
    }
    if (start >= last) return
    // For all at once: a search and a slice for each cost more than its decoding.
    const text = chunk.toString('utf8', start, last)
    let from = 0
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      this.#emit(text.slice(from, to))
      from = to + 1
    }
    this.#emit(from === 0 ? text : text.slice(from))
  }

  /** Keeps bytes of a line whose end is still to come. False when it is too long. */
  #begin(chunk: Buffer, start: number, end = chunk.length): boolean {
    if (this.#over) return false
    if (this.#begun.length + end - start > this.#limit) {
      this.#fail(frameTooLarge(this.#limit, 'a line'))
      return false
    }
    if (start < end) this.#begun.append(chunk, start, end)
    return true
  }

  #emit(line: string): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text !== '') this.#handlers.frame(text)
  }

  #fail(error: GreenroomError): void {
    this.#over = true
    this.#begun.clear()
    this.#handlers.error(error)
  }
}
