import type { Writable } from 'node:stream'
import { isGreenroomError, type GreenroomError } from 'greenroom/kit'
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node'
import { encode, type Framing } from './framing.ts'

/** Writes messages to a program's stdin, each with one write, in the order they were given. */
export class FramedWriter extends AbstractMessageWriter implements MessageWriter {
  readonly #stdin: Writable
  readonly #framing: Framing
  readonly #written: (message: Message) => void
  #refusal: GreenroomError | undefined

  /** `written` is called, before `write` returns, for each message that could be encoded. */
  constructor(stdin: Writable, framing: Framing, written: (message: Message) => void) {
    super()
    this.#stdin = stdin
    this.#framing = framing
    this.#written = written
  }

  /** Resolves when the system has taken the message; rejects when it can't be encoded or the pipe is broken. */
  write(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = this.#encode(message)
      this.#written(message)
      this.#stdin.write(bytes, (error) => (error ? reject(error) : resolve()))
    })
  }

  /**
   * Why the last message could not be encoded. The library tells it later, and only as text; this tells the sender at once,
   * without encoding every message twice.
   */
  takeRefusal(): GreenroomError | undefined {
    const refusal = this.#refusal
    this.#refusal = undefined
    return refusal
  }

  /** Only the pool closes a program's stdin. */
  end(): void {}

  #encode(message: Message): string | Buffer {
    try {
      return encode(this.#framing, message)
    } catch (error) {
      if (isGreenroomError(error, 'MESSAGE_INVALID')) this.#refusal = error
      throw error
    }
  }
}
