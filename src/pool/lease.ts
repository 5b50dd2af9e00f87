import { GreenroomError, type Lease, parseDuration, type RequestHandler, type RequestOptions, type Served, type TurnStream } from '../contracts/index.ts'
import type { Placed } from './dense-set.ts'
import type { LeaseHost } from './lease-host.ts'
import type { Session } from './session.ts'
import { Turn, type TurnConsumer, type TurnOptions } from './turn.ts'
import { MessageStream } from './turn-stream.ts'

const UNBOUNDED: TurnOptions = { signal: undefined, timeoutMs: Infinity }

/** The right to one session, for one caller, until it is over; then the handle can do nothing (INV 3). */
export class PooledLease implements Lease, Placed {
  readonly sessionId: string
  readonly generation: number
  readonly tenant: string
  readonly key: string | undefined
  readonly served: Served
  readonly startedAt: number
  /** It may last so long. */
  readonly limitMs: number
  /** Its requests that have not reached their terminal message. */
  turnCount = 0
  /** Among the leases of its session. */
  place = -1
  readonly #host: LeaseHost
  readonly #session: Session
  /** Why it is over. What only says how it was given back is made into an error for those who ask: most never do, and a stack is dear. */
  #over: GreenroomError | string | undefined
  #controller: AbortController | undefined
  #listeners: ((message: unknown) => void)[] | undefined
  #handlers: Map<string, RequestHandler> | undefined

  constructor(host: LeaseHost, session: Session, tenant: string, key: string | undefined, served: Served, now: number, limitMs: number) {
    this.#host = host
    this.#session = session
    this.sessionId = session.id
    this.generation = ++session.generation
    this.tenant = tenant
    this.key = key
    this.served = served
    this.startedAt = now
    this.limitMs = limitMs
  }

  /** Why it is over; `undefined` while it is not. */
  get over(): GreenroomError | undefined {
    if (typeof this.#over === 'string') this.#over = new GreenroomError('LEASE_REVOKED', this.#over, { sessionId: this.sessionId })
    return this.#over
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#over !== undefined) this.#controller.abort(this.over)
    }
    return this.#controller.signal
  }

  request<T = unknown>(message: unknown, options?: RequestOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.begin(message, turnOptions(options), { answered: resolve as (result: unknown) => void, rejected: reject })
    })
  }

  stream<T = unknown>(message: unknown, options?: RequestOptions): TurnStream<T> {
    const { stdout } = this.#session.child
    return new MessageStream<T>({
      begin: (consumer) => this.begin(message, turnOptions(options), consumer),
      pause: () => void stdout.pause(),
      resume: () => void stdout.resume(),
    })
  }

  onMessage(listener: (message: unknown) => void): void {
    if (this.over) throw this.over
    ;(this.#listeners ??= []).push(listener)
  }

  handle<Params = unknown>(method: string, handler: RequestHandler<Params>): void {
    if (this.over) throw this.over
    if (typeof handler !== 'function') throw new GreenroomError('ARGUMENT_INVALID', `handle('${method}', handler): handler must be a function`)
    ;(this.#handlers ??= new Map()).set(method, handler)
  }

  handleAll(handlers: Readonly<Record<string, RequestHandler>>): void {
    for (const [method, handler] of Object.entries(handlers)) this.handle(method, handler)
  }

  /** Who answers a request of the session. */
  handlerOf(method: string): RequestHandler | undefined {
    return this.#handlers?.get(method) ?? this.#handlers?.get('*')
  }

  release(): void {
    if (this.#over !== undefined) return
    this.#end('this lease was released: acquire another')
    this.#host.released(this.#session, this)
  }

  destroy(reason = 'the caller asked for it'): void {
    if (this.#over !== undefined) return
    this.#end(`this lease was destroyed (${reason}): acquire another`)
    this.#host.destroyed(this.#session, this, reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
  }

  /** Takes the lease back: from here on its handle throws `reason`. The session's turns are the caller's business. */
  revoke(reason: GreenroomError): void {
    if (this.#over === undefined) this.#end(reason)
  }

  /** A message that belongs to no request. */
  receive(message: unknown): void {
    for (const listener of this.#listeners ?? []) {
      try {
        listener(message)
      } catch (error) {
        this.#host.report(error, `onMessage listener of a lease of session ${this.sessionId}`)
      }
    }
  }

  /**
   * Sends a message, and has `consumer` hear of the answer.
   * @throws GreenroomError why it can't be sent; nothing was then.
   */
  begin(message: unknown, options: TurnOptions, consumer: TurnConsumer): Turn {
    if (this.over) throw this.over
    const session = this.#session
    // Its first request has its place; others take what nobody else has a right to.
    if (session.concurrency === 1 ? session.turnCount > 0 : this.turnCount > 0 && session.load >= session.concurrency) {
      throw new GreenroomError('SESSION_BUSY', `session ${session.id} still works on ${session.turnCount === 1 ? 'an earlier request' : `${session.turnCount} earlier requests`}: await its answer first`, { sessionId: session.id })
    }
    const { signal } = options
    if (signal?.aborted) throw new GreenroomError('REQUEST_ABORTED', 'the signal was aborted before the request was sent', { cause: signal.reason })
    return Turn.begin(this.#host, this, session, message, consumer, options)
  }

  #end(reason: GreenroomError | string): void {
    this.#over = reason
    this.#host.leaseEnded(this.#session, this)
    if (this.turnCount > 0) {
      for (const turn of this.#session.turns) {
        if (turn.owner === this) turn.abandon(this.over!, 'lost')
      }
    }
    this.#listeners = undefined
    this.#controller?.abort(this.over)
  }
}

function turnOptions(options: RequestOptions | undefined): TurnOptions {
  if (options === undefined) return UNBOUNDED
  return { signal: options.signal, timeoutMs: options.timeout === undefined ? Infinity : parseDuration(options.timeout) }
}
