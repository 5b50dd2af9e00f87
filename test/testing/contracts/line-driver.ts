import { fileURLToPath } from 'node:url'
import {
  type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, encodeLine, GreenroomError, LineDecoder, reportLostPipes,
  type SpawnSpec, type TurnSink,
} from 'greenroom/kit'

const PROGRAM = fileURLToPath(new URL('../../fixtures/lines.mjs', import.meta.url))

/** What a driver can do wrong. */
export type Fault =
  | 'is fooled by anything the program says'
  | 'waits for ever for a program that is not ready'
  | 'passes on the whole environment'
  | 'sends what has no JSON form'
  | 'sends before it checks'
  | 'refuses with an error of its own'
  | 'ends a turn twice'
  | 'reports events after the end'
  | 'takes an exit for an answer'
  | 'ends a cancelled turn before its program has'
  | 'answers pings by itself'
  | 'waits for a pong for ever'
  | 'forgets that a pong is still to come'
  | 'forgets nothing by its reset'
  | 'promises a reset it does not have'
  | 'reports the answer to its reset as unasked for'
  | 'parks nothing'
  | 'resumes nothing'
  | 'shares its program between sessions'
  | 'waits for a farewell for ever'
  | 'does not say goodbye'

type Taker = (line: Line) => void
interface Line {
  readonly type?: string
  readonly token?: string
}

/** A small driver of test/fixtures/lines.mjs that does everything right but for one thing. */
export class LineDriver implements Driver {
  readonly capabilities: DriverCapabilities = { resetGuarantees: ['conversation'] }
  readonly #fault: Fault | undefined
  #first: LineChannel | undefined

  constructor(fault?: Fault) {
    this.#fault = fault
  }

  spawnSpec(): SpawnSpec {
    const env = this.#fault === 'passes on the whole environment' ? { ...(process.env as Record<string, string>) } : {}
    return { command: process.execPath, args: [PROGRAM, 'banner'], env }
  }

  async open(child: Child, context: ChannelContext): Promise<Channel> {
    if (this.#fault === 'shares its program between sessions' && this.#first) return this.#first
    const channel = new LineChannel(child, context, this.#fault)
    await channel.opened(context.signal)
    return (this.#first = channel)
  }
}

class LineChannel implements Channel {
  readonly reset?: (signal: AbortSignal) => Promise<void>
  readonly #child: Child
  readonly #context: ChannelContext
  readonly #fault: Fault | undefined
  /** Who the next lines are for, in order. */
  readonly #takers: Taker[] = []
  readonly #waiting = new Set<(error: Error) => void>()
  #ready: (() => void) | undefined
  #turn: TurnSink | undefined
  #taker: Taker | undefined

  constructor(child: Child, context: ChannelContext, fault: Fault | undefined) {
    this.#child = child
    this.#context = context
    this.#fault = fault
    const broken = (error: Error): void => context.broken(error)
    const decoder = new LineDecoder({ frame: (text) => this.#line(text), error: broken }, 2 ** 20)
    child.stdout.on('data', (chunk: Buffer) => decoder.push(chunk))
    reportLostPipes(child, context.clock, broken)
    if (fault !== 'promises a reset it does not have') this.reset = (signal) => this.#reset(signal)
    void child.exited.then(() => {
      if (fault === 'takes an exit for an answer') this.#turn?.done(undefined)
      for (const reject of this.#waiting) reject(new GreenroomError('SESSION_EXITED', 'the program is gone'))
    })
  }

  async opened(signal: AbortSignal): Promise<void> {
    const ready = new Promise<void>((resolve) => (this.#ready = resolve))
    await (this.#fault === 'waits for ever for a program that is not ready' ? ready : this.#bounded(signal, ready))
  }

  turn(message: unknown, sink: TurnSink): void {
    if (this.#fault === 'sends before it checks') this.#child.stdin.write('{}\n')
    if (this.#fault === 'sends what has no JSON form') this.#child.stdin.write(`${safely(message)}\n`)
    else if (this.#fault === 'refuses with an error of its own') this.#child.stdin.write(`${JSON.stringify(message, refuse)}\n`)
    else this.#send(message)
    this.#turn = sink
    this.#taker = (line) => {
      this.#turn = undefined
      sink.done(line)
      if (this.#fault === 'ends a turn twice') sink.done(line)
      if (this.#fault === 'reports events after the end') sink.event(line)
    }
    this.#takers.push(this.#taker)
  }

  cancel(sink: TurnSink): void {
    if (sink !== this.#turn) return
    this.#send({ do: 'halt' })
    if (this.#fault !== 'ends a cancelled turn before its program has') return
    this.#takers.splice(this.#takers.indexOf(this.#taker!), 1)
    this.#turn = undefined
    sink.fail(new Error('cancelled'))
  }

  async ping(signal: AbortSignal): Promise<void> {
    if (this.#fault === 'answers pings by itself') return
    await this.#ask({ do: 'ping' }, signal, { forgetful: this.#fault === 'forgets that a pong is still to come', patient: this.#fault === 'waits for a pong for ever' })
  }

  async park(signal: AbortSignal): Promise<string> {
    const { token } = await this.#ask({ do: 'save' }, signal)
    return this.#fault === 'parks nothing' ? '' : token!
  }

  async resume(token: string, signal: AbortSignal): Promise<void> {
    if (this.#fault !== 'resumes nothing') await this.#ask({ do: 'load', token }, signal)
  }

  async goodbye(signal: AbortSignal): Promise<void> {
    const silent = new Promise<void>(() => undefined)
    if (this.#fault === 'waits for a farewell for ever') await silent
    // A program that goes on after the end of its input.
    if (this.#fault === 'does not say goodbye') this.#send({ do: 'later', ms: 60_000 })
    else this.#send({ do: 'bye' })
    signal.throwIfAborted()
  }

  async #reset(signal: AbortSignal): Promise<void> {
    if (this.#fault === 'forgets nothing by its reset') return
    const forgotten = this.#ask({ do: 'forget' }, signal)
    forgotten.catch(() => undefined)
    // The event that comes first is of the last user.
    if (this.#fault === 'reports the answer to its reset as unasked for') this.#takers.pop()
    else this.#takers.unshift(() => undefined)
    await (this.#fault === 'reports the answer to its reset as unasked for' ? undefined : forgotten)
  }

  async #ask(message: unknown, signal: AbortSignal, { forgetful = false, patient = false } = {}): Promise<Line> {
    let taker!: Taker
    const answer = new Promise<Line>((resolve) => (taker = resolve))
    this.#send(message)
    this.#takers.push(taker)
    try {
      return await this.#bounded(patient ? new AbortController().signal : signal, answer)
    } finally {
      if (forgetful && this.#takers.includes(taker)) this.#takers.splice(this.#takers.indexOf(taker), 1)
    }
  }

  #bounded<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      if (signal.aborted) reject(signal.reason as Error)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      void work.then(resolve)
    })
  }

  #send(message: unknown): void {
    this.#child.stdin.write(encodeLine(message))
  }

  #line(text: string): void {
    if (this.#ready) return this.#hello(text)
    const taker = this.#takers.shift()
    const line = this.#parse(text)
    if (!line) return
    if (taker) taker(line)
    else this.#context.unsolicited(line)
  }

  #parse(text: string): Line | undefined {
    try {
      return JSON.parse(text) as Line
    } catch (error) {
      this.#context.broken(error as Error)
      return undefined
    }
  }

  #hello(text: string): void {
    if (this.#fault !== 'is fooled by anything the program says' && !text.includes('"ready"')) return
    this.#ready?.()
    if (text.includes('"ready"')) this.#ready = undefined
  }
}

function safely(message: unknown): string {
  try {
    return JSON.stringify(message) ?? '{}'
  } catch {
    return '{}'
  }
}

function refuse(_name: string, value: unknown): unknown {
  if (typeof value === 'symbol' || typeof value === 'function') throw new Error('what is this?')
  return value
}
