import { GreenroomError, readStdout, reportLostPipes, type Channel, type ChannelContext, type Child, type TurnSink } from 'greenroom/kit'
import { excerpt, Exchange, requestFailed } from './exchange.ts'
import { ParsedMessages, type Messages } from './messages.ts'
import type { JsonLinesOptions } from './options.ts'
import { Outbox } from './outbox.ts'
import { anyOf, isObject, partialMatcher, type Matcher } from './partial-match.ts'
import { RawMessages } from './raw-messages.ts'

type Asker = TurnSink | Exchange
type Read = { readonly message: unknown; readonly fields: unknown }
type Question = { readonly send?: unknown; readonly expect?: unknown }

/** What the options say of messages, made ready once for all sessions. */
export interface Patterns {
  readonly messages: Messages
  readonly terminal: Matcher | undefined
  readonly failure: Matcher | undefined
  readonly harmless: Matcher | undefined
}

export function patternsOf(options: JsonLinesOptions): Patterns {
  const { terminal, error, harmless, raw } = options
  return {
    messages: raw ? new RawMessages(options) : new ParsedMessages(options),
    terminal: terminal && partialMatcher(terminal),
    failure: error && partialMatcher(error),
    harmless: harmless && anyOf(Array.isArray(harmless) ? harmless : [harmless]),
  }
}

/**
 * Who asked first is answered first, unless messages carry ids. A turn that was given up keeps its place until its last line
 * has come, so a late answer never goes to another (INV 1).
 */
export class JsonLinesChannel implements Channel {
  readonly cancel?: (sink: TurnSink) => void
  readonly ping?: (signal: AbortSignal) => Promise<void>
  readonly reset?: (signal: AbortSignal) => Promise<void>
  readonly park?: (signal: AbortSignal) => Promise<string>
  readonly resume?: (token: string, signal: AbortSignal) => Promise<void>
  readonly goodbye?: () => Promise<void>
  readonly #child: Child
  readonly #context: ChannelContext
  readonly #options: JsonLinesOptions
  readonly #patterns: Patterns
  readonly #messages: Messages
  /** Those who wait for the next lines, in order. With ids: only exchanges, for answers that come without one. */
  readonly #inOrder: Asker[] = []
  readonly #byId = new Map<number, Asker>()
  readonly #outbox: Outbox
  #lastId = 0
  #broken = false

  constructor(child: Child, context: ChannelContext, options: JsonLinesOptions, patterns: Patterns) {
    this.#child = child
    this.#context = context
    this.#options = options
    this.#patterns = patterns
    this.#messages = patterns.messages
    this.#outbox = new Outbox(child.stdin, patterns.messages, options.concurrency > 1)
    const { cancel, ping, reset, park, resume, goodbye } = options
    if (cancel) this.cancel = (sink) => this.#cancel(cancel.send, sink)
    if (ping) this.ping = async (signal) => void (await this.#ask(ping, signal, true))
    if (reset) this.reset = async (signal) => void (await this.#ask(reset, signal))
    if (park) this.park = async (signal) => tokenIn(await this.#ask(park, signal), park.field)
    if (resume) {
      this.resume = async (token, signal) => void (await this.#ask({ ...resume, send: { ...resume.send, [resume.field]: token } }, signal))
    }
    if (goodbye) {
      this.goodbye = async () => {
        this.#outbox.send(goodbye.send, options.id === undefined ? undefined : ++this.#lastId)
        // Its input is ended next.
        this.#outbox.flush()
      }
    }

    const decoder = this.#messages.decoder({ frame: (line) => this.#line(line), error: (error) => this.#break(error) })
    readStdout(child, (chunk) => decoder.push(chunk))
    reportLostPipes(child, context.clock, (error) => this.#break(error))
    void child.exited.then(() => this.#failExchanges(new GreenroomError('SESSION_EXITED', 'The program ended before it answered')))
  }

  /** Resolves when the program is ready for its first message. */
  async opened(): Promise<this> {
    const { ready } = this.#options
    if (!ready) return this
    await this.#ask('match' in ready ? { expect: ready.match } : ready, this.#context.signal)
    return this
  }

  turn(message: unknown, sink: TurnSink): void {
    if (this.#options.id === undefined) {
      this.#outbox.send(message)
      this.#inOrder.push(sink)
      return
    }
    const id = this.#lastId + 1
    this.#outbox.send(message, id)
    this.#byId.set((this.#lastId = id), sink)
  }

  #ask({ send, expect }: Question, signal: AbortSignal, strict = false): Promise<unknown> {
    const { failure } = this.#patterns
    const exchange = new Exchange({ expect: expect === undefined ? undefined : partialMatcher(expect), failure, strict }, signal)
    if (send !== undefined && this.#options.id !== undefined) {
      this.#outbox.send(send, ++this.#lastId)
      this.#byId.set(this.#lastId, exchange)
    } else if (send !== undefined) this.#outbox.send(send)
    this.#inOrder.push(exchange)
    return exchange.answer
  }

  #cancel(send: unknown, sink: TurnSink): void {
    if (this.#options.id === undefined) {
      if (this.#inOrder.includes(sink)) this.#outbox.send(send)
      return
    }
    for (const [id, asker] of this.#byId) if (asker === sink) return this.#outbox.send(send, id)
  }

  #line(line: unknown): void {
    if (this.#broken) return
    let read: Read
    try {
      read = this.#messages.read(line as never)
    } catch (error) {
      return this.#notJson(line, error)
    }
    const { message, fields } = read
    if (this.#patterns.harmless?.(fields)) return
    const asker = this.#askerOf(fields)
    if (asker === undefined) this.#context.unsolicited(message)
    else if (asker instanceof Exchange) this.#toExchange(asker, message)
    else this.#toTurn(asker, message, fields)
  }

  #notJson(line: unknown, error: unknown): void {
    const problem = `The program wrote a line that is not JSON: ${excerpt(String(line))}`
    this.#break(new GreenroomError('PROTOCOL_ERROR', problem, { cause: error }))
  }

  #askerOf(line: unknown): Asker | undefined {
    if (this.#options.id === undefined) return this.#inOrder[0]
    const id = isObject(line) ? line[this.#options.id] : undefined
    return id === undefined || id === null ? this.#inOrder[0] : this.#byId.get(id as number)
  }

  #toTurn(sink: TurnSink, message: unknown, fields: unknown): void {
    const { terminal, failure } = this.#patterns
    const failed = failure !== undefined && failure(fields)
    if (!failed && terminal !== undefined && !terminal(fields)) return sink.event(message)
    // Off the list first: the sink may begin the next turn at once.
    this.#forget(sink, fields)
    if (failed) this.#withValue(message, (line) => sink.fail(requestFailed(line)))
    else sink.done(message)
  }

  #toExchange(exchange: Exchange, message: unknown): void {
    this.#withValue(message, (line) => {
      const taken = exchange.take(line)
      if (taken === 'foreign') this.#context.unsolicited(message)
      else if (taken === 'last') this.#forget(exchange, line)
    })
  }

  #withValue(message: unknown, use: (line: unknown) => void): void {
    let line: unknown
    try {
      line = this.#messages.valueOf(message)
    } catch (error) {
      return this.#notJson(message, error)
    }
    use(line)
  }

  #forget(asker: Asker, line: unknown): void {
    if (this.#inOrder[0] === asker) this.#inOrder.shift()
    if (this.#options.id === undefined) return
    if (asker instanceof Exchange) {
      const index = this.#inOrder.indexOf(asker)
      if (index !== -1) this.#inOrder.splice(index, 1)
      for (const [id, other] of this.#byId) if (other === asker) this.#byId.delete(id)
    } else this.#byId.delete((line as Record<string, number>)[this.#options.id]!)
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#failExchanges(error)
    this.#context.broken(error)
  }

  #failExchanges(error: Error): void {
    for (const asker of this.#inOrder) if (asker instanceof Exchange) asker.fail(error)
  }
}

function tokenIn(answer: unknown, field: string): string {
  const token = isObject(answer) ? answer[field] : undefined
  if (typeof token === 'string') return token
  const said = excerpt(JSON.stringify(answer))
  throw new GreenroomError('PROTOCOL_ERROR', `The answer to \`park\` has no text in its field "${field}": ${said}`)
}
