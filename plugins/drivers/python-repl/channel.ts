import {
  encodeLine, GreenroomError, LineDecoder, messageOf, readStdout, reportLostPipes, type Channel, type ChannelContext, type Child, type TurnSink,
} from 'greenroom/kit'
import { InterruptibleTurn } from '../interpreter/interruptible-turn.ts'
import { readOrder } from '../interpreter/order.ts'
import { SessionOutput, type TurnOutput } from '../interpreter/session-output.ts'
import type { ReplOutput } from '../node-repl/transcript.ts'

/** The worker bounds what it sends; this bounds what its user's code writes to its connection on purpose. */
const LINE_BYTES = 64 * 2 ** 20

/** What one turn's code came to. */
export interface PythonResult extends TurnOutput {
  /** The value of the last expression, when JSON can carry it as it is; absent for `None`. */
  value?: unknown
  /** The `repr` of any other value. */
  inspected?: string
  /** What the code raised; `stack` is the traceback. */
  error?: { name: string; message: string; stack?: string }
  /** Set when it was interrupted because its time was over. */
  timedOut?: boolean
}

type Outcome = Pick<PythonResult, 'value' | 'inspected' | 'error' | 'truncated'>
type Frame = ReplOutput | { type: 'ready' } | { type: 'begun' } | { type: 'pong' } | ({ type: 'done' } & Outcome)

export interface PythonOptions {
  readonly maxOutput: number
  readonly timeout?: number | undefined
}

/**
 * A conversation with one interpreter. There is no `reset`: whatever its user's code has loaded, patched or left running stays
 * in the process, and nothing could be promised about it.
 */
export class PythonChannel implements Channel {
  readonly #child: Child
  readonly #context: ChannelContext
  readonly #options: PythonOptions
  readonly #output: SessionOutput
  /** Those who wait for the ready line or a pong, in order. */
  readonly #waiting: { readonly resolve: () => void; readonly reject: (reason: unknown) => void }[] = []
  #turn: InterruptibleTurn | undefined
  #broken = false

  constructor(child: Child, context: ChannelContext, options: PythonOptions) {
    this.#child = child
    this.#context = context
    this.#options = options
    this.#output = new SessionOutput(options.maxOutput)
    const limit = Math.max(LINE_BYTES, options.maxOutput * 8)
    const decoder = new LineDecoder({ frame: (line) => this.#line(line), error: (error) => this.#break(error) }, limit)
    readStdout(child, (chunk) => decoder.push(chunk))
    reportLostPipes(child, context.clock, (error) => this.#break(error))
    void child.exited.then(() => {
      this.#turn?.over()
      this.#failWaiting(new GreenroomError('SESSION_EXITED', 'The interpreter ended before it answered'))
    })
  }

  /** Resolves when the interpreter is ready. */
  async opened(): Promise<this> {
    await this.#ask({ maxOutput: this.#options.maxOutput }, this.#context.signal)
    return this
  }

  turn(message: unknown, sink: TurnSink): void {
    const { text, timeoutMs = this.#options.timeout } = readOrder(message, 'code', 'python-repl')
    if (this.#turn) throw new GreenroomError('SESSION_BUSY', 'The interpreter is still running the code of an earlier request')
    this.#child.stdin.write(encodeLine({ code: text }))
    this.#turn = new InterruptibleTurn({
      sink,
      clock: this.#context.clock,
      timeoutMs,
      // The group, as Ctrl-C does: what the code waits for may be a child process.
      interrupt: () => this.#child.signalGroup('SIGINT'),
      unstoppable: (error) => this.#break(error),
    })
    this.#output.begin(sink)
  }

  /** Interrupts the code with a KeyboardInterrupt. Its turn then ends with an error, and the state is kept. */
  cancel(sink: TurnSink): void {
    if (this.#turn?.sink === sink) this.#turn.cancel()
  }

  ping(signal: AbortSignal): Promise<void> {
    return this.#ask({ ping: true }, signal)
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
    let frame: Frame
    try {
      frame = JSON.parse(line) as Frame
    } catch (error) {
      return this.#break(new GreenroomError('PROTOCOL_ERROR', `A line of the interpreter can't be read: ${messageOf(error)}`, { cause: error }))
    }
    switch (frame.type) {
      case 'stdout': case 'stderr': return this.#output.add(frame)
      case 'begun': return this.#turn?.begun()
      case 'done': return this.#done(frame)
      case 'ready': case 'pong': return this.#waiting.shift()?.resolve()
    }
  }

  #done({ type: _type, ...outcome }: Frame & { type: 'done' }): void {
    const turn = this.#turn
    if (!turn) return
    turn.over()
    const finish = (): void => {
      this.#turn = undefined
      const { truncated, ...output } = this.#output.end()
      turn.sink.done({ ...outcome, ...output, ...(truncated && { truncated }), ...(turn.timedOut && { timedOut: true }) } satisfies PythonResult)
    }
    if (!turn.cancelled) return finish()
    // The interrupt may still be on its way, and must not hit the next turn: the pong comes after it. INV 15.
    this.#waiting.push({ resolve: finish, reject: () => undefined })
    this.#child.stdin.write(encodeLine({ ping: true }))
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#turn?.over()
    this.#failWaiting(error)
    this.#context.broken(error)
  }

  #failWaiting(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
