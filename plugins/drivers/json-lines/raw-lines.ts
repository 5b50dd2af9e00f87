import { formatSize, GreenroomError } from 'greenroom/kit'

const NEWLINE = 0x0a
const RETURN = 0x0d
/** Pieces of fewer bytes are put together at once. */
const SMALL = 4_096
const ADVICE = "raise the driver's maxFrame, or make it send less"

export interface RawLineHandlers {
  /** A line without its line end; never an empty one. The receiver's own: it shares no memory with what comes later. */
  frame(line: Buffer): void
  /** `FRAME_TOO_LARGE`; at most once, and nothing comes after it. */
  error(error: GreenroomError): void
}

/**
 * Bytes in, lines out as bytes. A line over several chunks is put together once, when its end has come: one allocation of what it is long.
 * A short one is copied out of its chunk, which it would else keep alive as a whole.
 */
export class RawLines {
  readonly #handlers: RawLineHandlers
  readonly #limit: number
  /** The line that has begun. */
  #pieces: Buffer[] = []
  #length = 0
  /** The small pieces at its end, together: a program may write byte by byte. */
  #crumbs: Buffer | undefined
  #crumbsLength = 0
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
      if (this.#length + end - start > this.#limit) return this.#fail()
      this.#append(chunk.subarray(start, end))
      if (newline === -1) return
      this.#emit()
      start = newline + 1
    }
  }

  #append(piece: Buffer): void {
    this.#length += piece.length
    if (piece.length >= SMALL) {
      this.#sweep()
      this.#pieces.push(piece)
      return
    }
    if (this.#crumbsLength + piece.length > SMALL) this.#sweep()
    this.#crumbs ??= Buffer.allocUnsafeSlow(SMALL)
    piece.copy(this.#crumbs, this.#crumbsLength)
    this.#crumbsLength += piece.length
  }

  /** Makes a piece of the crumbs. */
  #sweep(): void {
    if (this.#crumbsLength === 0) return
    this.#pieces.push(Buffer.from(this.#crumbs!.subarray(0, this.#crumbsLength)))
    this.#crumbsLength = 0
  }

  #emit(): void {
    this.#sweep()
    const line = this.#pieces.length === 1 && this.#length < SMALL ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length)
    this.#pieces = []
    this.#length = 0
    const end = line.at(-1) === RETURN ? line.length - 1 : line.length
    if (end > 0) this.#handlers.frame(line.subarray(0, end))
  }

  #fail(): void {
    this.#over = true
    this.#pieces = []
    this.#crumbs = undefined
    this.#handlers.error(
      new GreenroomError('FRAME_TOO_LARGE', `The program sent a line, longer than the ${formatSize(this.#limit)} allowed: ${ADVICE}`),
    )
  }
}
