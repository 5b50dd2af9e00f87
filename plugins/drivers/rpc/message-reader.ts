import { GreenroomError, messageOf, readStdout, type Child } from 'greenroom/kit'
import { AbstractMessageReader, Message, type DataCallback, type Disposable, type MessageReader, type RequestMessage } from 'vscode-jsonrpc/node'
import { createDecoder, type Framing } from './framing.ts'
import { flawOf } from './flaw.ts'

/** With more requests of the program unanswered, it is not read until all are: one that asks and does not read can't fill our memory. */
const MAX_REQUESTS = 64

export interface ReaderHandlers {
  notification(method: string, params: object | undefined): void
  request(id: unknown, method: string, params: object | undefined): void
  /** The bytes are no frame, the frame is no sound message, or whoever got it threw. Nothing is read after it. */
  broken(error: GreenroomError): void
  /** Whether a request of this id waits for an answer; once it was asked, it does no more. */
  takeAnswer(id: unknown): boolean
}

/**
 * Reads a program's stdout. Answers go to the library when they are sound; notifications and requests go past it, because it
 * hands on only one a turn of the event loop: others, and the program's exit, would overtake them.
 */
export class FramedReader extends AbstractMessageReader implements MessageReader {
  readonly #child: Child
  readonly #framing: Framing
  readonly #maxFrame: number
  readonly #handlers: ReaderHandlers
  #frames: string[] = []
  #handing = false
  #requests = 0
  #over = false

  constructor(child: Child, framing: Framing, maxFrame: number, handlers: ReaderHandlers) {
    super()
    this.#child = child
    this.#framing = framing
    this.#maxFrame = maxFrame
    this.#handlers = handlers
  }

  listen(deliver: DataCallback): Disposable {
    // A frame that is wrong comes after the sound ones before it.
    let flaw: GreenroomError | undefined
    const decoder = createDecoder(this.#framing, this.#maxFrame, {
      frame: (text) => void this.#frames.push(text),
      error: (error) => (flaw = error),
    })
    readStdout(this.#child, (chunk) => {
      if (this.#over) return
      decoder.push(chunk)
      void this.#handOn(deliver).then(() => flaw && this.#broken(flaw))
    })
    return this
  }

  /** To be called when a request of the program has been answered, or needs no answer any more. */
  answered(): void {
    if (--this.#requests === 0 && this.#child.stdout.isPaused()) this.#child.stdout.resume()
  }

  /** What still comes is read, so that the program does not wait for us, and thrown away. */
  override dispose(): void {
    super.dispose()
    this.#over = true
    this.#frames = []
    this.#child.stdout.resume()
  }

  async #handOn(deliver: DataCallback): Promise<void> {
    if (this.#handing) return
    this.#handing = true
    const frames = this.#frames
    for (let next = 0; next < frames.length && !this.#over; next++) {
      for (const message of this.#parse(frames[next]!)) {
        if (this.#over) break
        const isAnswer = this.#message(message, frames[next]!, deliver)
        // An answer reaches its turn in the next microtask. What follows the answer in the chunk must not reach that turn.
        if (isAnswer) await Promise.resolve()
      }
    }
    frames.length = 0
    this.#handing = false
  }

  /** The messages of a frame: a batch is the same as its messages; MCP had them for a while. */
  #parse(text: string): unknown[] {
    try {
      const message: unknown = JSON.parse(text)
      return Array.isArray(message) ? message : [message]
    } catch (error) {
      this.#broken(wrong(`what is not JSON: ${excerpt(text)}. What it logs must go to stderr`, error))
      return []
    }
  }

  /** Hands on one message; true when it is an answer. */
  #message(message: unknown, text: string, deliver: DataCallback): boolean {
    const flaw = flawOf(message, (id) => this.#handlers.takeAnswer(id))
    if (flaw !== undefined) {
      this.#broken(wrong(`${flaw}: ${excerpt(text)}`))
      return false
    }
    const sound = message as Message
    try {
      if (Message.isNotification(sound)) this.#handlers.notification(sound.method, sound.params)
      else if (Message.isRequest(sound)) this.#request(sound)
      else deliver(sound)
    } catch (error) {
      const text = `A message of the program could not be handed on: ${messageOf(error)}`
      this.#broken(new GreenroomError('PROTOCOL_ERROR', text, { cause: error }))
    }
    return Message.isResponse(sound)
  }

  #request({ id, method, params }: RequestMessage): void {
    if (++this.#requests > MAX_REQUESTS) this.#child.stdout.pause()
    this.#handlers.request(id, method, params as object | undefined)
  }

  #broken(error: GreenroomError): void {
    if (this.#over) return
    this.#over = true
    this.#handlers.broken(error)
  }
}

function wrong(what: string, cause?: unknown): GreenroomError {
  return new GreenroomError('PROTOCOL_ERROR', `The program sent ${what}`, cause === undefined ? {} : { cause })
}

function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
