import { type Binding, type ChannelContext, GreenroomError, type TurnSink } from '../contracts/index.ts'
import type { InMemoryChild } from './in-memory-child.ts'

/**
 * What an in-memory session understands. Every answer is a {@link InMemoryAnswer}, given after `ms`, or after the behaviour's answerMs.
 *
 * - `write`: notes down `value`; `read`: nothing more than the answer.
 * - `fail`: answers with an error. `hang`: gives no answer until it is cancelled, if then.
 * - `ask`: asks its caller `method` first, and its answer has what came back as `asked`; `quiet`: says that it works in silence, until it answers.
 * - `stream`: `count` events first, each after `everyMs`.
 * - `crash`: dies by SIGSEGV, `exit`: ends with `code`, both instead of an answer.
 */
export type InMemoryMessage =
  | { op: 'write'; value: string; ms?: number }
  | { op: 'read' | 'fail' | 'hang' | 'crash' | 'quiet'; ms?: number }
  | { op: 'ask'; method: string; params?: unknown; ms?: number }
  | { op: 'stream'; count: number; everyMs: number; ms?: number }
  | { op: 'exit'; code: number; ms?: number }

export interface InMemoryAnswer {
  pid: number
  /** What was written since the last reset, or before it was parked. */
  notes: string[]
  /** What its question was answered with. */
  asked?: unknown
}

const OPS: ReadonlySet<unknown> = new Set(['write', 'read', 'fail', 'hang', 'stream', 'crash', 'exit', 'ask', 'quiet'])

/** The program of an in-memory session: it remembers what was written, so that a test can see what leaks. */
export class InMemoryProgram {
  readonly child: InMemoryChild
  readonly sessionId: string
  /** What a caller left and the next could read. */
  notes: string[] = []
  /** Everything that was ever written, resets or not. */
  readonly everWritten: string[] = []
  readonly bindings: Binding[] = []
  resets = 0
  pings = 0
  readonly #context: ChannelContext
  readonly #turns = new Set<TurnSink>()

  constructor(child: InMemoryChild, context: ChannelContext) {
    this.child = child
    this.sessionId = context.sessionId
    this.#context = context
  }

  /** Turns it has not answered yet. */
  get unanswered(): number {
    return this.child.alive ? this.#turns.size : 0
  }

  /** Says something nobody asked for. */
  say(message: unknown): void {
    if (!this.child.alive) return
    this.child.bytesRead++
    this.#context.unsolicited(message)
  }

  /** Asks whoever holds the session; without a handler the answer is 'nobody'. */
  ask(method: string, params?: unknown, turn?: TurnSink): Promise<unknown> {
    return this.#context.ask({ method, params, turn }, 'nobody')
  }

  /** Breaks the protocol. */
  break(error: Error = new Error('the program spoke nonsense')): void {
    if (this.child.alive) this.#context.broken(error)
  }

  receive(given: unknown, sink: TurnSink): void {
    const message = readMessage(given)
    const { child } = this
    this.#turns.add(sink)
    const answerMs = message.ms ?? child.behaviour.answerMs
    if (message.op === 'write') {
      this.notes.push(message.value)
      this.everWritten.push(message.value)
    }
    if (message.op === 'hang') return
    if (message.op === 'ask') return void this.#ask(sink, message, answerMs)
    if (message.op === 'quiet') sink.quiet(true)
    if (message.op === 'stream') return this.#stream(sink, message.count, message.everyMs, answerMs)
    child.after(answerMs, () => {
      if (message.op === 'crash') child.crash()
      else if (message.op === 'exit') child.end({ code: message.code, signal: null })
      else this.#answer(sink, message.op === 'fail')
    })
  }

  cancel(sink: TurnSink): void {
    this.child.after(this.child.behaviour.cancelMs, () => this.#answer(sink, true))
  }

  #stream(sink: TurnSink, count: number, everyMs: number, answerMs: number): void {
    if (count === 0) return this.child.after(answerMs, () => this.#answer(sink, false))
    this.child.after(everyMs, () => {
      if (!this.#turns.has(sink)) return
      this.child.bytesRead++
      sink.event({ left: count - 1 })
      this.#stream(sink, count - 1, everyMs, answerMs)
    })
  }

  async #ask(sink: TurnSink, { method, params }: { method: string; params?: unknown }, answerMs: number): Promise<void> {
    const asked = await this.ask(method, params, sink).catch((problem: unknown) => ({ problem }))
    this.child.after(answerMs, () => this.#answer(sink, false, { asked }))
  }

  #answer(sink: TurnSink, fails: boolean, more: { asked?: unknown } = {}): void {
    if (!this.#turns.delete(sink)) return
    this.child.bytesRead++
    if (fails) sink.fail(new GreenroomError('REQUEST_FAILED', 'the program answered with an error', { details: { notes: [...this.notes] } }))
    else sink.done({ pid: this.child.pid, notes: [...this.notes], ...more })
  }
}

function readMessage(given: unknown): InMemoryMessage {
  if (typeof given === 'object' && given !== null && 'op' in given && OPS.has(given.op)) return given as InMemoryMessage
  throw new GreenroomError('MESSAGE_INVALID', 'an in-memory session takes messages such as { op: \'read\' }: see InMemoryMessage')
}
