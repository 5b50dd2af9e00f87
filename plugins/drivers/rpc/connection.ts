import { describeExit, GreenroomError, isGreenroomError, messageOf, reportLostPipes, type Child, type Clock, type ExitInfo } from 'greenroom/kit'
import {
  CancellationToken, createMessageConnection, Message, NullLogger, ParameterStructures, type MessageConnection, type ResponseError,
} from 'vscode-jsonrpc/node'
import type { Framing } from './framing.ts'
import { IncomingRequests } from './incoming-requests.ts'
import { FramedReader } from './message-reader.ts'
import { FramedWriter } from './message-writer.ts'

export type Params = object | undefined

export interface ConnectionOptions {
  readonly framing: Framing
  /** Bytes. */
  readonly maxFrame: number
  readonly clock: Clock
}

export interface ConnectionHandlers {
  notification(method: string, params: Params): void
  /**
   * Answers a request of the program; `undefined` for a method that is not known. What it rejects with goes back as the error.
   * `signal` aborts when the program wants no answer any more.
   */
  request(method: string, params: Params, signal: AbortSignal): Promise<unknown> | undefined
  /** The program broke the protocol; called once at most. */
  broken(error: Error): void
}

/** Where the answer to a request goes: exactly one of the two is called, unless the session ends first. */
export interface Answer {
  done(result: unknown): void
  fail(error: GreenroomError): void
}

type Reject = (error: unknown) => void

/** JSON-RPC 2.0 over a child's pipes. Messages are handed on in the order they came, also where answers and notifications mix. */
export class RpcConnection {
  readonly #handlers: ConnectionHandlers
  readonly #reader: FramedReader
  readonly #writer: FramedWriter
  readonly #connection: MessageConnection
  readonly #incoming: IncomingRequests
  /** Requests whose answer was not read yet. One that was given up stays, because its answer may still come. */
  readonly #unanswered = new Set<unknown>()
  /** What else waits for the program, and must not when it is gone. */
  readonly #waiting = new Set<Reject>()
  #lastId: unknown
  #over: GreenroomError | undefined

  constructor(child: Child, { framing, maxFrame, clock }: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#handlers = handlers
    this.#reader = new FramedReader(child, framing, maxFrame, {
      notification: (method, params) => this.#notified(method, params),
      request: (id, method, params) => this.#incoming.take(id, method, params),
      broken: (error) => this.#break(error),
      takeAnswer: (id) => this.#unanswered.delete(id),
    })
    this.#writer = new FramedWriter(child.stdin, framing, (message) => this.#written(message))
    this.#connection = createMessageConnection(this.#reader, this.#writer, NullLogger, {
      // With a bound on requests of the program, which it never gets, the library takes answers at once instead of queueing them.
      maxParallelism: 1,
    })
    this.#incoming = new IncomingRequests({
      answer: (method, params, signal) => handlers.request(method, params, signal),
      send: (message) => this.#respond(message),
      over: () => this.#reader.answered(),
    })
    this.#connection.listen()
    reportLostPipes(child, clock, (error) => this.#break(error))
    void child.exited.then((exit) => this.#close(ended(child, exit)))
  }

  /** False once the program is gone or has broken the protocol; then nothing can be sent. */
  get isOpen(): boolean {
    return this.#over === undefined
  }

  /**
   * Sends a request and returns its id.
   * @throws GreenroomError `MESSAGE_INVALID`, before anything is sent, when params have no JSON form.
   */
  send(method: string, params: Params, answer: Answer): unknown {
    this.#mustBeOpen()
    // The token only marks the end of the parameters, whatever the last of them looks like; requests are cancelled by notifications.
    const sent = this.#connection.sendRequest<unknown>(method, ...parameters(params), CancellationToken.None)
    const id = this.#lastId
    const refusal = this.#writer.takeRefusal()
    sent
      .then((result) => answer.done(result), (error: unknown) => {
        // Not an answer, but a pipe that broke or a session that ended: the pool learns of it in another way, with the reason.
        if (refusal || this.#over || this.#unanswered.has(id)) return
        answer.fail(failure(method, error))
      })
      .catch((error: unknown) => this.#break(error))
    if (refusal) throw refusal
    return id
  }

  /**
   * Sends a notification; `written` is called when the system has taken it.
   * @throws GreenroomError `MESSAGE_INVALID`, before anything is sent, when params have no JSON form.
   */
  notify(method: string, params: Params, written: () => void = ignore): void {
    this.#mustBeOpen()
    const sent = this.#connection.sendNotification(method, ...parameters(params))
    const refusal = this.#writer.takeRefusal()
    // A pipe that broke is reported once, by reportLostPipes.
    sent.then(written, ignore).catch((error: unknown) => this.#break(error))
    if (refusal) throw refusal
  }

  /** Sends a request and resolves to its result; rejects when the program answers with an error or breaks, and when `signal` aborts. */
  call(method: string, params: Params, signal: AbortSignal): Promise<unknown> {
    return this.#within(signal, (resolve, reject) => void this.send(method, params, { done: resolve, fail: reject }))
  }

  /** As `call`, but an error is an answer as well: it shows that somebody is there. */
  async roundTrip(method: string, params: Params, signal: AbortSignal): Promise<void> {
    await this.call(method, params, signal).catch((error: unknown) => {
      if (!isGreenroomError(error, 'REQUEST_FAILED')) throw error
    })
  }

  /** Sends a notification and resolves when the system has taken it; rejects as `call` does. */
  tell(method: string, params: Params, signal: AbortSignal): Promise<void> {
    return this.#within(signal, (resolve) => this.notify(method, params, () => resolve()))
  }

  /** The program takes a request of its own back. `answered`: its protocol wants an error in response all the same. */
  withdraw(id: unknown, answered: boolean): void {
    this.#incoming.withdraw(id, answered)
  }

  /** INV 20: no wait without an end. */
  async #within<T>(signal: AbortSignal, begin: (resolve: (value: T) => void, reject: Reject) => void): Promise<T> {
    signal.throwIfAborted()
    let giveUp: Reject = ignore
    const aborted = (): void => giveUp(signal.reason)
    try {
      return await new Promise<T>((resolve, reject) => {
        giveUp = reject
        this.#waiting.add(reject)
        signal.addEventListener('abort', aborted)
        begin(resolve, reject)
      })
    } finally {
      this.#waiting.delete(giveUp)
      signal.removeEventListener('abort', aborted)
    }
  }

  #written(message: Message): void {
    if (!Message.isRequest(message)) return
    this.#lastId = message.id
    this.#unanswered.add(message.id)
  }

  #notified(method: string, params: Params): void {
    if (method === '$/cancelRequest') this.withdraw((params as { id?: unknown } | undefined)?.id, true)
    else this.#handlers.notification(method, params)
  }

  #respond(message: object): Promise<void> {
    const written = this.#writer.write(message as Message)
    const refusal = this.#writer.takeRefusal()
    if (!refusal) return written
    written.catch(ignore)
    throw refusal
  }

  #break(thrown: unknown): void {
    if (this.#over) return
    const error = thrown instanceof GreenroomError ? thrown : new GreenroomError('PROTOCOL_ERROR', messageOf(thrown), { cause: thrown })
    this.#close(error)
    this.#handlers.broken(error)
  }

  #close(reason: GreenroomError): void {
    if (this.#over) return
    this.#over = reason
    this.#connection.dispose()
    this.#incoming.close(reason)
    for (const reject of this.#waiting) reject(reason)
  }

  #mustBeOpen(): void {
    if (this.#over) throw this.#over
  }
}

/** The library's form of params; as they are, it would wrap an array in another. */
function parameters(params: Params): unknown[] {
  if (params === undefined) return []
  return Array.isArray(params) ? [ParameterStructures.byPosition, ...(params as unknown[])] : [ParameterStructures.byName, params]
}

function failure(method: string, error: unknown): GreenroomError {
  const { code, message, data } = error as ResponseError<unknown>
  const details = { code, message, ...(data !== undefined && { data }) }
  return new GreenroomError('REQUEST_FAILED', `The program answered ${method} with error ${code}: ${message}`, { details })
}

function ended(child: Child, exit: ExitInfo): GreenroomError {
  const stderr = child.stderrTail()
  const code = exit.code === 0 ? 'SESSION_EXITED' : 'SESSION_CRASHED'
  const facts = { exit: { code: exit.code, signal: exit.signal, stderr }, ...(exit.error && { cause: exit.error }) }
  return new GreenroomError(code, `The program is gone: it ${describeExit(exit, stderr)}`, facts)
}

function ignore(): void {}
