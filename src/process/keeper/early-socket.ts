import { Socket } from 'node:net'

/**
 * All sockets read into it: what has come is taken out of it before anything else is read. More than a Unix socket holds by default. A
 * buffer for each read costs a fifth of a short request.
 */
const SCRATCH = Buffer.allocUnsafeSlow(256 * 1024)

type Callback = (error?: Error | null) => void

/**
 * One end of a child's pipe that is there before the child is. It may be written to, read and ended at once; what is written is held back
 * until `release`: the other end belongs to somebody else until then, who would read it in the child's stead.
 */
export class EarlySocket extends Socket {
  /** Bytes that have come in. `bytesRead` says the same, but asks the native side of the socket each time, and each request has it looked at. */
  received = 0
  #released: boolean
  #introduced = false
  /** What it was ended with before it was introduced: connecting makes a stream forget that it was ended. */
  #ending: unknown[] | undefined
  #reader: ((chunk: Buffer) => void) | undefined
  /** The one write or end that the stream has begun and that waits. */
  #held: { readonly go: () => void; readonly drop: Callback } | undefined

  /** `readable`: false for a child's input. */
  constructor({ readable }: { readable: boolean }) {
    // What nobody reads must not end what is written.
    const onread = { buffer: SCRATCH, callback: (length: number) => this.#arrived(length) }
    super({ readable, allowHalfOpen: !readable, ...(readable && { onread }) } as object)
    // Nobody writes to a child's output; its end must close it at any time.
    this.#released = readable
  }

  /** Connects, and says `introduction` before all else. Called once. */
  introduce(path: string, introduction: string, done: () => void): void {
    this.#introduced = true
    this.connect({ path }, () => super._write(introduction, 'latin1', (error) => {
      if (error) this.destroy(error)
      else done()
    }))
    if (this.#ending) super.end(...(this.#ending as []))
  }

  /** The child has the other end: everything written from now on, and before, goes to it. */
  release(): void {
    this.#released = true
    const held = this.#held
    this.#held = undefined
    held?.go()
  }

  /** Gives what comes in to `reader`, past the stream; a chunk is good until it returns. Ending, pausing and resuming are the stream's still. */
  readWith(reader: (chunk: Buffer) => void): void {
    // What came before.
    for (let chunk: Buffer | null; (chunk = this.read() as Buffer | null) !== null;) reader(chunk)
    this.#reader = reader
    this.resume()
  }

  override end(...args: unknown[]): this {
    if (this.#introduced || this.#released) return super.end(...(args as []))
    this.#ending ??= args
    return this
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: Callback): void {
    if (this.#released) super._write(chunk, encoding, callback)
    else this.#hold(() => super._write(chunk, encoding, callback), callback)
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: Callback): void {
    if (this.#released) super._writev!(chunks, callback)
    else this.#hold(() => super._writev!(chunks, callback), callback)
  }

  override _final(callback: Callback): void {
    if (this.#released) super._final(callback)
    else this.#hold(() => super._final(callback), callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const held = this.#held
    this.#held = undefined
    super._destroy(error, callback)
    held?.drop(error ?? new Error('the process was never started'))
  }

  /** False: nothing more is to be read for now. */
  #arrived(length: number): boolean {
    this.received += length
    const bytes = SCRATCH.subarray(0, length)
    // Whoever listens to the stream may keep what it gives.
    if (!this.#reader) return this.push(Buffer.from(bytes))
    this.#reader(bytes)
    return true
  }

  #hold(go: () => void, drop: Callback): void {
    this.#held = { go, drop }
  }
}
