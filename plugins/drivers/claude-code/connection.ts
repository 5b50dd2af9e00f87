import { encodeLine, GreenroomError, isGreenroomError, LineDecoder, messageOf, readStdout, reportLostPipes, type Child, type Clock } from 'greenroom/kit'

/** Any line the program writes. */
export type Fields = Readonly<Record<string, unknown>>

export interface ConnectionHandlers {
  /** All that is neither an answer to a control request nor one. */
  message(message: Fields): void
  /** Answers a control request of the program; what it rejects with goes back as the error. `signal` aborts when it takes it back. */
  request(request: Fields, signal: AbortSignal): Promise<unknown>
  /** The program broke the protocol; called once at most. */
  broken(error: Error): void
}

/** Where the answer to a control request goes: one of the two is called, unless the session ends first. */
export interface Answer {
  done(response: unknown): void
  fail(error: Error): void
}

interface Response {
  readonly subtype?: unknown
  readonly request_id?: unknown
  readonly response?: unknown
  readonly error?: unknown
}

type Reject = (error: unknown) => void

/** Lines of JSON over a child's pipes, and the control requests in both directions among them. */
export class ControlConnection {
  readonly #child: Child
  readonly #handlers: ConnectionHandlers
  readonly #unanswered = new Map<unknown, Answer>()
  readonly #asked = new Map<unknown, AbortController>()
  /** What waits for the program, and must not when it is gone. */
  readonly #waiting = new Set<Reject>()
  #lastId = 0
  #over: Error | undefined

  constructor(child: Child, { maxFrame, clock }: { maxFrame: number; clock: Clock }, handlers: ConnectionHandlers) {
    this.#child = child
    this.#handlers = handlers
    const decoder = new LineDecoder({ frame: (line) => this.#line(line), error: (error) => this.#break(error) }, maxFrame)
    readStdout(child, (chunk) => decoder.push(chunk))
    reportLostPipes(child, clock, (error) => this.#break(error))
    void child.exited.then(() => this.#close(new GreenroomError('SESSION_EXITED', 'The program ended before it answered')))
  }

  /** @throws GreenroomError `MESSAGE_INVALID`, before anything is sent, when it has no JSON form. */
  send(message: object): void {
    const line = encodeLine(message)
    if (!this.#over) this.#child.stdin.write(line)
  }

  /** Sends a control request; throws as `send` does. */
  request(request: object, answer: Answer): void {
    const id = `greenroom-${this.#lastId + 1}`
    this.send({ type: 'control_request', request_id: id, request })
    this.#lastId++
    this.#unanswered.set(id, answer)
  }

  /** Sends a control request and resolves to its response; rejects when that is an error, the program is gone, or `signal` aborts. */
  async call(request: object, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    if (this.#over) throw this.#over
    let giveUp: Reject = () => undefined
    const aborted = (): void => giveUp(signal.reason)
    try {
      return await new Promise((resolve, reject) => {
        giveUp = reject
        this.#waiting.add(reject)
        signal.addEventListener('abort', aborted)
        this.request(request, { done: resolve, fail: reject })
      })
    } finally {
      this.#waiting.delete(giveUp)
      signal.removeEventListener('abort', aborted)
    }
  }

  /** As `call`, but an error is an answer as well: it shows that somebody is there. */
  async roundTrip(request: object, signal: AbortSignal): Promise<void> {
    await this.call(request, signal).catch((error: unknown) => {
      if (!isGreenroomError(error, 'REQUEST_FAILED')) throw error
    })
  }

  #line(text: string): void {
    if (this.#over) return
    try {
      const message: unknown = JSON.parse(text)
      if (typeof message !== 'object' || message === null) throw new Error('it is no object')
      this.#take(message as Fields)
    } catch (error) {
      const problem = `The program sent what could not be read: ${messageOf(error)}: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`
      this.#break(new GreenroomError('PROTOCOL_ERROR', problem, { cause: error }))
    }
  }

  #take(message: Fields): void {
    switch (message['type']) {
      case 'control_response': return this.#answered((message['response'] ?? {}) as Response)
      case 'control_request': return void this.#answer(message['request_id'], (message['request'] ?? {}) as Fields)
      case 'control_cancel_request': return this.#asked.get(message['request_id'])?.abort(new Error('The program took its question back'))
      // Only says that it is there.
      case 'keep_alive': return
      default: this.#handlers.message(message)
    }
  }

  #answered({ subtype, request_id: id, response, error }: Response): void {
    const answer = this.#unanswered.get(id)
    if (!answer) throw new Error('an answer to no open request')
    this.#unanswered.delete(id)
    if (subtype === 'success') return answer.done(response)
    answer.fail(new GreenroomError('REQUEST_FAILED', `The program answered with an error: ${String(error)}`, { details: error }))
  }

  async #answer(id: unknown, request: Fields): Promise<void> {
    const controller = new AbortController()
    this.#asked.set(id, controller)
    const respond = (fields: object): void => this.send({ type: 'control_response', response: { ...fields, request_id: id } })
    try {
      respond({ subtype: 'success', response: await this.#handlers.request(request, controller.signal) })
    } catch (error) {
      respond({ subtype: 'error', error: messageOf(error) })
    } finally {
      this.#asked.delete(id)
    }
  }

  #break(error: Error): void {
    if (this.#over) return
    this.#close(error)
    this.#handlers.broken(error)
  }

  #close(reason: Error): void {
    if (this.#over) return
    this.#over = reason
    for (const reject of this.#waiting) reject(reason)
    for (const controller of this.#asked.values()) controller.abort(reason)
  }
}
