import { StringDecoder } from 'node:string_decoder'

/** Marks begin with it: ASCII's record separator, which hardly any output contains. */
const RECORD_SEPARATOR = 0x1e
const NEWLINE = 0x0a
/** A mark is `\x1e`, its token, `:`, at most three more characters, `\n`. */
const WORD_LENGTH = 3

export interface MarkHandlers {
  output(text: string): void
  mark(token: string, word: string): void
}

/**
 * Tells a shell's marks from its commands' output in one of its streams. A mark counts only with a token that is expected: as tokens
 * are random and used once, no output can hold one. Everything else is output, passed on at once, in whole characters.
 */
export class MarkScanner {
  readonly #handlers: MarkHandlers
  /** In the order in which they were asked for, which is the order in which they come. */
  #expected: string[] = []
  #decoder = new StringDecoder('utf8')
  /** What may be the begin of a mark. */
  #begun: Buffer | undefined

  constructor(handlers: MarkHandlers) {
    this.#handlers = handlers
  }

  expect(token: string): void {
    this.#expected.push(token)
  }

  push(chunk: Buffer): void {
    let bytes = this.#begun ? Buffer.concat([this.#begun, chunk]) : chunk
    this.#begun = undefined
    for (let from = 0; ;) {
      const at = bytes.indexOf(RECORD_SEPARATOR, from)
      if (at === -1) return this.#output(bytes)
      const mark = this.#markAt(bytes, at)
      if (mark === 'none') {
        from = at + 1
      } else if (mark === 'begun') {
        this.#output(bytes.subarray(0, at))
        this.#begun = Buffer.from(bytes.subarray(at))
        return
      } else {
        this.#output(bytes.subarray(0, at))
        this.#cutOff()
        bytes = bytes.subarray(mark.end)
        from = 0
        this.#handlers.mark(mark.token, mark.word)
      }
    }
  }

  #markAt(bytes: Buffer, at: number): 'none' | 'begun' | { readonly token: string; readonly word: string; readonly end: number } {
    const index = this.#expected.findIndex((expected) => {
      const head = bytes.toString('latin1', at + 1, at + 2 + expected.length)
      return `${expected}:`.startsWith(head)
    })
    const token = this.#expected[index]
    if (token === undefined) return 'none'
    const word = at + token.length + 2
    const end = bytes.indexOf(NEWLINE, word)
    if (end === -1) return bytes.length - word > WORD_LENGTH ? 'none' : 'begun'
    if (end - word > WORD_LENGTH) return 'none'
    // Those asked for before it were lost in an interruption. It may come again: with another word.
    this.#expected = this.#expected.slice(index)
    return { token, word: bytes.toString('latin1', word, end), end: end + 1 }
  }

  #output(bytes: Buffer): void {
    const text = this.#decoder.write(bytes)
    if (text !== '') this.#handlers.output(text)
  }

  /** A character that a command began and did not end is no part of what comes after. */
  #cutOff(): void {
    const text = this.#decoder.end()
    if (text !== '') this.#handlers.output(text)
  }
}
