import { errorObjectOf, methodNotFound, REQUEST_CANCELLED, RpcError, type ErrorObject } from './rpc-error.ts'

type Response = { readonly result: unknown } | { readonly error: ErrorObject }

export interface IncomingHandlers {
  /** Answers a request; `undefined` for a method that is not known. Its signal aborts when the program wants no answer any more. */
  answer(method: string, params: object | undefined, signal: AbortSignal): Promise<unknown> | undefined
  /**
   * Writes a response; resolves when the system has taken it, rejects when the pipe is broken. Throws when it has no JSON form.
   */
  send(message: object): Promise<void>
  /** A request has its response, or needs none any more. */
  over(): void
}

/** The requests of the program that have not been answered. */
export class IncomingRequests {
  readonly #handlers: IncomingHandlers
  readonly #open = new Map<unknown, AbortController>()

  constructor(handlers: IncomingHandlers) {
    this.#handlers = handlers
  }

  /** Begins to answer. A second request of the same id takes the place of the first. */
  take(id: unknown, method: string, params: object | undefined): void {
    this.withdraw(id, false)
    const request = new AbortController()
    this.#open.set(id, request)
    void this.#answer(method, params, request.signal).then((response) => this.#respond(id, request, response))
  }

  /** The program takes a request back. `answered`: its protocol wants a response all the same, an error that says so. */
  withdraw(id: unknown, answered: boolean): void {
    const request = this.#open.get(id)
    if (!request) return
    request.abort(new Error('The program took its request back'))
    if (answered) return this.#respond(id, request, { error: { code: REQUEST_CANCELLED, message: 'The request was taken back' } })
    this.#open.delete(id)
    this.#handlers.over()
  }

  /** Nobody can be answered any more. */
  close(reason: unknown): void {
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const request of open) request.abort(reason)
  }

  async #answer(method: string, params: object | undefined, signal: AbortSignal): Promise<Response> {
    try {
      const answer = this.#handlers.answer(method, params, signal)
      if (!answer) throw methodNotFound(method)
      const result = await answer
      if (result instanceof RpcError) throw result
      return { result: result === undefined ? null : result }
    } catch (thrown) {
      return { error: errorObjectOf(thrown) }
    }
  }

  /** Each is answered once: what comes after it was taken back is dropped. */
  #respond(id: unknown, request: AbortController, response: Response): void {
    if (this.#open.get(id) !== request) return
    this.#open.delete(id)
    const over = (): void => this.#handlers.over()
    this.#send(id, response).then(over, over)
  }

  #send(id: unknown, response: Response): Promise<void> {
    try {
      return this.#handlers.send({ jsonrpc: '2.0', id, ...response })
    } catch (problem) {
      return this.#handlers.send({ jsonrpc: '2.0', id, error: errorObjectOf(problem) })
    }
  }
}
