const NEWLINE = 0x0a

/**
 * The last bytes of a stream, in constant memory: a ring of `capacity` bytes (default 8 KiB). Adding is O(bytes kept),
 * never O(bytes seen).
 */
export class StderrTail {
  readonly #capacity: number
  /** Made at the first byte: most sessions never write to stderr. */
  #ring: Buffer | undefined
  #next = 0
  /** Bytes ever seen. */
  #seen = 0

  constructor(capacity = 8_192) {
    this.#capacity = capacity
  }

  push(chunk: Buffer): void {
    const ring = (this.#ring ??= Buffer.allocUnsafe(this.#capacity))
    this.#seen += chunk.length
    const kept = chunk.length > this.#capacity ? chunk.subarray(chunk.length - this.#capacity) : chunk
    const first = Math.min(kept.length, this.#capacity - this.#next)
    kept.copy(ring, this.#next, 0, first)
    kept.copy(ring, 0, first)
    this.#next = (this.#next + kept.length) % this.#capacity
  }

  /** The tail as text: from the begin of a line where one begins in it, and never from the middle of a character. */
  text(): string {
    const ring = this.#ring
    if (!ring) return ''
    if (this.#seen <= this.#capacity) return ring.toString('utf8', 0, this.#seen)
    const bytes = Buffer.concat([ring.subarray(this.#next), ring.subarray(0, this.#next)])
    return bytes.toString('utf8', firstWhole(bytes))
  }
}

/** Where the first whole line begins; in a tail that is all one line, where the first whole character does. */
function firstWhole(bytes: Buffer): number {
  const newline = bytes.indexOf(NEWLINE)
  if (newline !== -1 && newline < bytes.length - 1) return newline + 1
  let start = 0
  while (start < 4 && (bytes[start]! & 0xc0) === 0x80) start++
  return start
}
