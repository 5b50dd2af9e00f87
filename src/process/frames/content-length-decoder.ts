import { GreenroomError } from '../../contracts/errors.ts'
import { formatSize } from '../../contracts/units.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { DEFAULT_MAX_FRAME_BYTES, frameLimit, frameTooLarge } from './frame-limits.ts'

const NEWLINE = 0x0a
/** Bytes of all header lines of one frame: what comes without a length must be bounded too. */
const MAX_HEADER_BYTES = 8192

export interface ContentLengthHandlers {
  /** The body of one frame. It may share memory with the chunk it came in. */
  frame(body: Buffer): void
  /** `FRAME_TOO_LARGE` or `PROTOCOL_ERROR`; at most once, and nothing comes after it. */
  error(error: GreenroomError): void
}

/**
 * Bytes in, bodies out, in the framing of the Language Server Protocol: header lines, of which `Content-Length` is needed and
 * the others are ignored, an empty line, and that many bytes. A body that came in one chunk is not copied; one over several
 * chunks is, in linear time. `maxFrameBytes` bounds a body, and is judged when its header is read. Default 64 MiB.
 */
export class ContentLengthDecoder {
  readonly #handlers: ContentLengthHandlers
  readonly #limit: number
  readonly #begun = new FrameBuffer()
  /** Bytes of the header lines of this frame that were read in full. */
  #headerBytes = 0
  #contentLength: number | undefined
  #inBody = false
  #over = false

  constructor(handlers: ContentLengthHandlers, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES) {
    this.#handlers = handlers
    this.#limit = frameLimit(maxFrameBytes)
  }

  push(chunk: Buffer): void {
    let at = 0
    while (!this.#over && at < chunk.length) at = this.#inBody ? this.#body(chunk, at) : this.#header(chunk, at)
  }

  /** No more bytes will come. A frame that was begun and not ended is a `PROTOCOL_ERROR`. */
  end(): void {
    if (this.#over) return
    const where = this.#inBody ? `a message, after ${this.#begun.length} of ${this.#contentLength} bytes` : "a message's header"
    if (this.#inBody || this.#headerBytes + this.#begun.length > 0) return this.#broken(`The program's output ended inside ${where}`)
    this.#over = true
  }

  /** Reads one header line, or what there is of it; returns where it stopped. */
  #header(chunk: Buffer, start: number): number {
    const newline = chunk.indexOf(NEWLINE, start)
    const end = newline === -1 ? chunk.length : newline
    if (this.#headerBytes + this.#begun.length + end - start > MAX_HEADER_BYTES) {
      this.#broken(`The program sent no message header within ${formatSize(MAX_HEADER_BYTES)}: is its framing Content-Length?`)
      return end
    }
    this.#begun.append(chunk, start, end)
    if (newline === -1) return end
    const line = this.#begun.take()
    this.#headerBytes += line.length + 1
    this.#headerLine(line.toString('latin1').trim())
    return newline + 1
  }

  #headerLine(line: string): void {
    if (line === '') return this.#headerEnd()
    const colon = line.indexOf(':')
    if (colon === -1) return this.#broken(`The program sent ${quote(line)} where a message header was due: what it logs must go to stderr`)
    if (line.slice(0, colon).trim().toLowerCase() !== 'content-length') return
    const value = line.slice(colon + 1).trim()
    const length = Number(value)
    if (!/^\d+$/.test(value)) return this.#broken(`The program sent a Content-Length that is no number of bytes: ${quote(value)}`)
    if (length !== (this.#contentLength ?? length)) return this.#broken('The program sent two Content-Lengths for one message')
    if (length > this.#limit) return this.#fail(frameTooLarge(this.#limit, `a message of ${formatSize(length)}`))
    this.#contentLength = length
  }

  #headerEnd(): void {
    if (this.#contentLength === undefined) return this.#broken('The program sent a message header without a Content-Length')
    this.#inBody = true
    // No byte need follow an empty body, so it can't wait for the next one.
    if (this.#contentLength === 0) this.#emit(Buffer.alloc(0))
  }

  /** Reads the body, or what there is of it; returns where it stopped. */
  #body(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#contentLength! - this.#begun.length)
    if (this.#begun.length === 0 && end - start === this.#contentLength) {
      this.#emit(chunk.subarray(start, end))
      return end
    }
    this.#begun.append(chunk, start, end)
    if (this.#begun.length === this.#contentLength) this.#emit(this.#begun.take())
    return end
  }

  #emit(body: Buffer): void {
    this.#inBody = false
    this.#contentLength = undefined
    this.#headerBytes = 0
    this.#handlers.frame(body)
  }

  #broken(message: string): void {
    this.#fail(new GreenroomError('PROTOCOL_ERROR', message))
  }

  #fail(error: GreenroomError): void {
    this.#over = true
    this.#begun.clear()
    this.#handlers.error(error)
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
