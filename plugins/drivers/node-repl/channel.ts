import { randomUUID } from 'node:crypto'
import {
  encodeLine, GreenroomError, LineDecoder, readStdout, reportLostPipes, type Channel, type ChannelContext, type Child, type Timer, type TurnSink,
} from 'greenroom/kit'
import { Transcript, type ReplOutput } from './transcript.ts'

/**
 * Code that has not read the interruption after this time computes, and is sent SIGINT: again, because one that comes before the
 * code has begun interrupts nothing. Not at once: while Node passes SIGINT from its own listeners to the interpreter's and
 * back, for microseconds where the code begins and ends, nobody listens and it would end the process. The worker neither begins nor
 * ends when it has read the interruption, and counts on the time that passes until the signal.
 */
const SIGNAL_AFTER_MS = 50
/** Each pause is twice the one before, up to this. */
const SIGNAL_PAUSE_MS = 1_000
/** The worker bounds what it sends; this bounds a line that its user's code writes past it. */
const LINE_BYTES = 64 * 2 ** 20

/** What one turn's code came to. */
export interface ReplResult {
  /** The value of the last expression, when JSON can carry it as it is; absent for `undefined`. */
  value?: unknown
  /** Any other value, as the REPL would print it. */
  inspected?: string
  /** Output of this turn, after what was put out in the background since the one before. */
  stdout: string
  stderr: string
  /** What the code threw. */
  error?: { name: string; message: string; stack?: string }
  /** Set when there was more output than `maxOutput`. */
  truncated?: boolean
}

type Frame = ReplOutput | { type: 'ready' } | { type: 'pong' } | { type: 'over' } | ({ type: 'done' } & Omit<ReplResult, 'stdout' | 'stderr'>)

interface Turn {
  readonly sink: TurnSink
  readonly transcript: Transcript
  interrupting?: Timer
  cancelled: boolean
  /** It was sent a SIGINT. */
  signalled: boolean
}

/**
 * A conversation with one interpreter. There is no `reset`: whatever its user's code has loaded, patched or left running stays
 * in the process, and nothing could be promised about it.
 */
export class NodeReplChannel implements Channel {
  readonly #child: Child
  readonly #context: ChannelContext
  readonly #maxOutput: number
  /** What only the worker's own lines contain. */
  readonly #mark = `\u0001${randomUUID()}\u0001`
  /** Those who wait for the ready line or a pong, in order. */
  readonly #waiting: { readonly resolve: () => void; readonly reject: (reason: unknown) => void }[] = []
  #turn: Turn | undefined
  /** What timers and other work in the background have put out since the last turn. */
  #held: ReplOutput[] = []
  #heldLength = 0
  #broken = false
  #ready = false

  constructor(child: Child, context: ChannelContext, maxOutput: number) {
    this.#child = child
    this.#context = context
    this.#maxOutput = maxOutput
    const limit = Math.max(LINE_BYTES, maxOutput * 8)
    const decoder = new LineDecoder({ frame: (line) => this.#line(line), error: (error) => this.#break(error) }, limit)
    readStdout(child, (chunk) => decoder.push(chunk))
    reportLostPipes(child, context.clock, (error) => this.#break(error))
    void child.exited.then(() => {
      this.#turn?.interrupting?.cancel()
      this.#failWaiting(new GreenroomError('SESSION_EXITED', 'The interpreter ended before it answered'))
    })
  }

  /** Resolves when the interpreter is ready. */
  async opened(): Promise<this> {
    await this.#ask({ mark: this.#mark, maxOutput: this.#maxOutput }, this.#context.signal)
    return this
  }

  turn(message: unknown, sink: TurnSink): void {
    if (this.#turn) throw new GreenroomError('SESSION_BUSY', 'The interpreter is still running the code of an earlier request')
    this.#child.stdin.write(encodeLine({ code: codeOf(message) }))
    this.#turn = { sink, transcript: new Transcript(this.#maxOutput), cancelled: false, signalled: false }
    const held = this.#held
    this.#held = []
    this.#heldLength = 0
    for (const output of held) this.#output(output)
  }

  /** Interrupts the code. Its turn then ends with an error, and the state is kept. */
  cancel(sink: TurnSink): void {
    const turn = this.#turn
    if (turn?.sink !== sink || turn.cancelled) return
    turn.cancelled = true
    this.#child.stdin.write(encodeLine({ interrupt: true }))
    this.#signalAfter(SIGNAL_AFTER_MS, turn)
  }

  ping(signal: AbortSignal): Promise<void> {
    return this.#ask({ ping: true }, signal)
  }

  #signalAfter(ms: number, turn: Turn): void {
    turn.interrupting = this.#context.clock.setTimer(() => {
      turn.signalled = true
      this.#child.signal('SIGINT')
      this.#signalAfter(Math.min(ms * 2, SIGNAL_PAUSE_MS), turn)
    }, ms, { background: true })
  }

  /** One that is given up keeps its place: its pong may still come. */
  async #ask(message: object, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    let giveUp: (() => void) | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        giveUp = () => reject(signal.reason)
        signal.addEventListener('abort', giveUp)
        this.#waiting.push({ resolve, reject })
        this.#child.stdin.write(encodeLine(message))
      })
    } finally {
      if (giveUp) signal.removeEventListener('abort', giveUp)
    }
  }

  #line(line: string): void {
    if (this.#broken) return
    const at = line.lastIndexOf(this.#mark)
    if (at === -1) return this.#output({ type: 'stdout', text: `${line}\n` })
    // Output that did not end its line stands before the worker's. So may lines of the worker's that an interruption has cut: it ends
    // whatever the code is doing, also when that is putting something out.
    const begin = line.indexOf(this.#mark)
    if (begin > 0) this.#output({ type: 'stdout', text: line.slice(0, begin) })
    let frame: Frame
    try {
      frame = JSON.parse(line.slice(at + this.#mark.length)) as Frame
    } catch (error) {
      const cause = "something the code started wrote to stdout in the middle of the interpreter's line"
      return this.#break(new GreenroomError('PROTOCOL_ERROR', `A line of the interpreter can't be read: ${cause}`, { cause: error }))
    }
    this.#frame(frame)
  }

  #frame(frame: Frame): void {
    if (frame.type === 'stdout' || frame.type === 'stderr') return this.#output(frame)
    if (frame.type === 'done') return this.#done(frame)
    if (frame.type === 'over') return this.#over()
    this.#ready = true
    this.#waiting.shift()?.resolve()
  }

  #output(output: ReplOutput): void {
    // Before it is ready only what `nodeArgs` preload can print.
    if (!this.#ready) return
    if (!this.#turn) return this.#hold(output)
    const taken = this.#turn.transcript.add(output)
    if (taken) this.#turn.sink.event(taken)
  }

  /**
   * Keeps what is put out between turns for the next one. It cannot reach anybody else: without a reset, an interpreter stays with
   * the tenant and key that made it (INV 2). Beyond `maxOutput` it is dropped.
   */
  #hold(output: ReplOutput): void {
    const room = this.#maxOutput - this.#heldLength
    if (room <= 0) return
    this.#held.push(output.text.length <= room ? output : { ...output, text: output.text.slice(0, room) })
    this.#heldLength += output.text.length
  }

  /** The code has ended, and the worker waits for its signal if there is one on its way. */
  #over(): void {
    this.#turn?.interrupting?.cancel()
    this.#child.stdin.write(encodeLine({ quiet: true }))
  }

  #done({ type: _type, ...outcome }: Frame & { type: 'done' }): void {
    const turn = this.#turn
    if (!turn) return
    turn.interrupting?.cancel()
    const finish = (): void => {
      this.#turn = undefined
      turn.sink.done(turn.transcript.result(outcome))
    }
    if (!turn.cancelled) return finish()
    // The interruption may still be on its way, and must not hit the next turn: the pong comes after it. INV 15.
    this.#waiting.push({ resolve: finish, reject: () => undefined })
    this.#child.stdin.write(encodeLine({ ping: true, signalled: turn.signalled }))
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#turn?.interrupting?.cancel()
    this.#failWaiting(error)
    this.#context.broken(error)
  }

  #failWaiting(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}

function codeOf(message: unknown): string {
  const isForm = typeof message === 'object' && message !== null && Object.keys(message).length === 1 && 'code' in message
  if (isForm && typeof message.code === 'string') return message.code
  throw new GreenroomError('MESSAGE_INVALID', "node-repl takes messages of the form { code: '…' }")
}
