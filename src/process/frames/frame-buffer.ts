const FIRST_CAPACITY = 4096

/** A first piece that is at least this share of the frame before is taken for the begin of another of that length. */
const LIKELY_SHARE = 1 / 8

/**
 * Collects one frame that arrives in pieces, and copies them. Capacity doubles, so that n bytes cost O(n) however many pieces they come in,
 * and memory stays under twice the frame, however small the pieces are; or it is that of the frame before, where one of about that length
 * has begun: long frames of one length are then copied once.
 */
export class FrameBuffer {
  #bytes: Buffer | undefined
  #length = 0
  #lengthBefore = 0

  /** Bytes collected so far. */
  get length(): number {
    return this.#length
  }

  /** Copies the bytes of `chunk` from `start` up to `end`. */
  append(chunk: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start
    if (!this.#bytes || needed > this.#bytes.length) this.#grow(needed)
    chunk.copy(this.#bytes!, this.#length, start, end)
    this.#length = needed
  }

  /** Hands out what was collected, which is the receiver's own from then on, and starts anew. */
  take(): Buffer {
    const taken = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0)
    this.#lengthBefore = this.#length
    this.clear()
    return taken
  }

  /** Forgets what was collected. */
  clear(): void {
    this.#bytes = undefined
    this.#length = 0
  }

  #grow(needed: number): void {
    const likely = this.#bytes || needed < LIKELY_SHARE * this.#lengthBefore ? 0 : this.#lengthBefore
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_CAPACITY, needed, likely, 2 * (this.#bytes?.length ?? 0)))
    this.#bytes?.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
