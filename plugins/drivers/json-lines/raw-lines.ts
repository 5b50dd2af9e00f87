import { formatSize, FrameBuffer, GreenroomError } from 'greenroom/kit'

const NEWLINE = 0x0a
const RETURN = 0x0d
const ADVICE = "raise the driver's maxFrame, or make it send less"

export interface RawLineHandlers {
  /** A line without its line end; never an empty one. The receiver's own: it shares no memory with what comes later. */
  frame(line: Buffer): void
  /** `FRAME_TOO_LARGE`; at most once, and nothing comes after it. */
  error(error: GreenroomError): void
}

/** Bytes in, lines out as bytes. Each is copied once out of the chunks that it comes in, as long as lines are about as long as the one before. */
export class RawLines {
  readonly #handlers: RawLineHandlers
  readonly #limit: number
  readonly #begun = new FrameBuffer()
  #over = false

  constructor(handlers: RawLineHandlers, maxLineBytes: number) {
    this.#handlers = handlers
    this.#limit = maxLineBytes
  }

  push(chunk: Buffer): void {
    let start = 0
    while (!this.#over) {
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline === -1 ? chunk.length : newline
      if (this.#begun.length + end - start > this.#limit) return this.#fail()
      if (newline === -1) {
        if (start < end) this.#begun.append(chunk, start, end)
        return
      }
      this.#line(chunk, start, end)
      start = newline + 1
    }
  }

  #line(chunk: Buffer, start: number, end: number): void {
    if (this.#begun.length === 0) return this.#emit(Buffer.from(chunk.subarray(start, end)))
    this.#begun.append(chunk, start, end)
    const line = this.#begun.take()
    // Whoever keeps it is not to keep as much memory again with it.
    this.#emit(2 * line.length < line.buffer.byteLength ? Buffer.from(line) : line)
  }

  #emit(line: Buffer): void {
    const end = line.at(-1) === RETURN ? line.length - 1 : line.length
    if (end > 0) this.#handlers.frame(line.subarray(0, end))
  }

  #fail(): void {
    this.#over = true
    this.#begun.clear()
    this.#handlers.error(
      new GreenroomError('FRAME_TOO_LARGE', `The program sent a line, longer than the ${formatSize(this.#limit)} allowed: ${ADVICE}`),
    )
  }
}
