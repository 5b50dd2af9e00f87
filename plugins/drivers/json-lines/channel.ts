import {
  encodeLine, GreenroomError, LineDecoder, reportLostPipes, type Channel, type ChannelContext, type Child, type TurnSink,
} from 'greenroom/kit'
import { excerpt, Exchange, requestFailed } from './exchange.ts'
import type { JsonLinesOptions } from './options.ts'
import { anyOf, isObject, partialMatcher, type Matcher } from './partial-match.ts'

type Asker = TurnSink | Exchange
type Question = { readonly send?: unknown; readonly expect?: unknown }

/** The patterns of the options, made into matchers once for all sessions. */
export interface Patterns {
  readonly terminal: Matcher | undefined
  readonly failure: Matcher | undefined
  readonly harmless: Matcher | undefined
}

export function patternsOf({ terminal, error, harmless }: JsonLinesOptions): Patterns {
  return {
    terminal: terminal && partialMatcher(terminal),
    failure: error && partialMatcher(error),
    harmless: harmless && anyOf(Array.isArray(harmless) ? harmless : [harmless]),
  }
}

/**
 * Who asked first is answered first, unless messages carry ids. A turn that was given up keeps its place until its last line
 * has come, so a late answer never goes to another (INV 1). Per request: one stringify, one write; per line: one parse.
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
  /** Those who wait for the next lines, in order. With ids: only exchanges, for answers that come without one. */
  readonly #inOrder: Asker[] = []
  readonly #byId = new Map<unknown, Asker>()
  #lastId = 0
  #broken = false

  constructor(child: Child, context: ChannelContext, options: JsonLinesOptions, patterns: Patterns) {
    this.#child = child
    this.#context = context
    this.#options = options
    this.#patterns = patterns
    const { cancel, ping, reset, park, resume, goodbye } = options
    if (cancel) this.cancel = (sink) => this.#cancel(cancel.send, sink)
    if (ping) this.ping = async (signal) => void (await this.#ask(ping, signal, true))
    if (reset) this.reset = async (signal) => void (await this.#ask(reset, signal))
    if (park) this.park = async (signal) => tokenIn(await this.#ask(park, signal), park.field)
    if (resume) {
      this.resume = async (token, signal) => void (await this.#ask({ ...resume, send: { ...resume.send, [resume.field]: token } }, signal))
    }
    if (goodbye) {
      this.goodbye = async () => this.#write(options.id === undefined ? goodbye.send : this.#withId(goodbye.send, ++this.#lastId))
    }

    const decoder = new LineDecoder({ frame: (line) => this.#line(line), error: (error) => this.#break(error) }, options.maxFrame)
    child.stdout.on('data', (chunk: Buffer) => decoder.push(chunk))
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
      this.#write(message)
      this.#inOrder.push(sink)
      return
    }
    const id = this.#lastId + 1
    this.#write(this.#withId(message, id))
    this.#byId.set((this.#lastId = id), sink)
  }

  #ask({ send, expect }: Question, signal: AbortSignal, strict = false): Promise<unknown> {
    const { failure } = this.#patterns
    const exchange = new Exchange({ expect: expect === undefined ? undefined : partialMatcher(expect), failure, strict }, signal)
    if (send !== undefined && this.#options.id !== undefined) {
      this.#write(this.#withId(send, ++this.#lastId))
      this.#byId.set(this.#lastId, exchange)
    } else if (send !== undefined) this.#write(send)
    this.#inOrder.push(exchange)
    return exchange.answer
  }

  #cancel(send: unknown, sink: TurnSink): void {
    if (this.#options.id === undefined) {
      if (this.#inOrder.includes(sink)) this.#write(send)
      return
    }
    for (const [id, asker] of this.#byId) if (asker === sink) return this.#write(this.#withId(send, id))
  }

  #withId(message: unknown, id: unknown): unknown {
    const name = this.#options.id!
    if (!isObject(message)) {
      throw new GreenroomError('MESSAGE_INVALID', `The message must be an object: the driver puts an id in its field "${name}"`)
    }
    if (Object.hasOwn(message, name)) {
      throw new GreenroomError('MESSAGE_INVALID', `The message must not have the field "${name}": the driver sets it`)
    }
    return { ...message, [name]: id }
  }

  #write(message: unknown): void {
    this.#child.stdin.write(encodeLine(message))
  }

  #line(text: string): void {
    if (this.#broken) return
    let line: unknown
    try {
      line = JSON.parse(text)
    } catch (error) {
      const problem = `The program wrote a line that is not JSON: ${excerpt(text)}`
      return this.#break(new GreenroomError('PROTOCOL_ERROR', problem, { cause: error }))
    }
    if (this.#patterns.harmless?.(line)) return
    const asker = this.#askerOf(line)
    if (asker === undefined) this.#context.unsolicited(line)
    else if (asker instanceof Exchange) this.#toExchange(asker, line)
    else this.#toTurn(asker, line)
  }

  #askerOf(line: unknown): Asker | undefined {
    if (this.#options.id === undefined) return this.#inOrder[0]
    const id = isObject(line) ? line[this.#options.id] : undefined
    return id === undefined || id === null ? this.#inOrder[0] : this.#byId.get(id)
  }

  #toTurn(sink: TurnSink, line: unknown): void {
    const { terminal, failure } = this.#patterns
    const failed = failure !== undefined && failure(line)
    if (!failed && terminal !== undefined && !terminal(line)) return sink.event(line)
    // Off the list first: the sink may begin the next turn at once.
    this.#forget(sink, line)
    if (failed) sink.fail(requestFailed(line))
    else sink.done(line)
  }

  #toExchange(exchange: Exchange, line: unknown): void {
    const taken = exchange.take(line)
    if (taken === 'foreign') this.#context.unsolicited(line)
    else if (taken === 'last') this.#forget(exchange, line)
  }

  #forget(asker: Asker, line: unknown): void {
    if (this.#inOrder[0] === asker) this.#inOrder.shift()
    if (this.#options.id === undefined) return
    if (asker instanceof Exchange) {
      const index = this.#inOrder.indexOf(asker)
      if (index !== -1) this.#inOrder.splice(index, 1)
      for (const [id, other] of this.#byId) if (other === asker) this.#byId.delete(id)
    } else this.#byId.delete((line as Record<string, unknown>)[this.#options.id])
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
