import type { Child } from 'greenroom/kit'
import type { Encoded, Messages } from './messages.ts'

/** So much goes out together at most: the program begins with the first messages while the others are still being made. */
const MOST_MESSAGES = 8
const MOST_CHARACTERS = 64 * 1024

/**
 * What goes out to a program. Where many share a session, messages that are sent in one turn of the event loop go out a few at a time, which
 * spares system calls; all at once, the program would stand still meanwhile (sixteen at a time were 4 to 9 % fewer requests a second, with messages of 100 B).
 */
export class Outbox {
  readonly #stdin: Child['stdin']
  readonly #messages: Messages
  readonly #gathers: boolean
  #text = ''
  #gathered = 0
  #isDue = false

  constructor(stdin: Child['stdin'], messages: Messages, gathers: boolean) {
    this.#stdin = stdin
    this.#messages = messages
    this.#gathers = gathers
  }

  /** Throws `MESSAGE_INVALID` before anything is written. */
  send(message: unknown, id?: number): void {
    const encoded = this.#messages.encode(message, id)
    if (typeof encoded === 'string' && this.#gathers) return this.#gather(encoded)
    this.flush()
    this.#write(encoded)
  }

  /** Writes what has been gathered. */
  flush(): void {
    if (this.#gathered === 0) return
    const text = this.#text
    this.#text = ''
    this.#gathered = 0
    // The session may have been ended in this turn of the event loop.
    if (!this.#stdin.writableEnded) this.#stdin.write(text)
  }

  #gather(line: string): void {
    this.#text += line
    if (++this.#gathered >= MOST_MESSAGES || this.#text.length >= MOST_CHARACTERS) return this.flush()
    if (this.#isDue) return
    this.#isDue = true
    process.nextTick(() => {
      this.#isDue = false
      this.flush()
    })
  }

  #write(line: Encoded): void {
    if (typeof line === 'string') return void this.#stdin.write(line)
    // One system call for all its parts.
    this.#stdin.cork()
    for (const part of line) this.#stdin.write(part)
    this.#stdin.uncork()
  }
}
