import { randomBytes } from 'node:crypto'
import { GreenroomError, readStdout, reportLostPipes, type Channel, type ChannelContext, type Child, type Timer, type TurnSink } from 'greenroom/kit'
import { InterruptibleTurn } from '../interpreter/interruptible-turn.ts'
import { readOrder } from '../interpreter/order.ts'
import { SessionOutput, type TurnOutput } from '../interpreter/session-output.ts'
import { commandLines, markLine, setUp, type Dialect } from './dialect.ts'
import { childrenOf, computes, interruptChildrenOf, interruptGroupsBelow } from './job-groups.ts'
import { MarkScanner } from './mark-scanner.ts'

/** An interrupt may swallow the line that asks for the mark after it: then it is asked for again. */
const ASK_AGAIN_MS = 100
/**
 * A SIGINT in the microseconds in which bash begins to wait for a child, before it has noted which handler it had, makes it send SIGINT to
 * itself for ever (5.2; 1 in 4,000 interrupts of short commands). So a shell that computes is given this many pauses, of this length, to
 * come to its waiting; one that goes on computing begins no child.
 */
const PAUSES = 20
const PAUSE_MS = 1
/** As shells say of a command that SIGINT ended. */
const INTERRUPTED = 130

type Stream = 'stdout' | 'stderr'

/** What one command came to. */
export interface ShellResult extends TurnOutput {
  /** That of its last command; 128 + n after signal n. */
  exitCode: number
  /** Set when it was interrupted because its time was over. */
  timedOut?: boolean
}

interface Turn {
  readonly state: InterruptibleTurn
  readonly token: string
  /** Where the mark at its end has come. */
  readonly ended: Set<Stream>
  exitCode?: number
}

export interface ShellOptions {
  readonly maxOutput: number
  readonly timeout?: number | undefined
}

/** A conversation with one shell. There is no `reset`: nothing could be promised about what commands have left running or changed. */
export class ShellChannel implements Channel {
  readonly #child: Child
  readonly #context: ChannelContext
  readonly #dialect: Dialect
  readonly #options: ShellOptions
  readonly #output: SessionOutput
  readonly #scanners: readonly MarkScanner[]
  /** Those who wait for a mark, by its token, with the streams on which it is still to come. */
  readonly #waiting = new Map<string, { readonly missing: Set<Stream>; readonly done: () => void; readonly fail: (error: Error) => void }>()
  readonly #farewells = new Set<() => void>()
  /** What of the stderr that just came is output: the tail in the message of a crash is no place for marks. */
  readonly #putOut: string[] = []
  #turn: Turn | undefined
  /** Children of earlier turns: an interrupt is none of their business. */
  #background: ReadonlySet<number> = new Set()
  #interrupting: Timer | undefined
  #askingAgain: Timer | undefined
  #broken = false

  constructor(child: Child, context: ChannelContext, dialect: Dialect, options: ShellOptions) {
    this.#child = child
    this.#context = context
    this.#dialect = dialect
    this.#options = options
    this.#output = new SessionOutput(options.maxOutput)
    const stdout = this.#scanner('stdout')
    const stderr = this.#scanner('stderr')
    this.#scanners = [stdout, stderr]
    readStdout(child, (chunk) => stdout.push(chunk))
    child.readStderr?.((chunk) => {
      stderr.push(chunk)
      return Buffer.from(this.#putOut.splice(0).join(''))
    })
    reportLostPipes(child, context.clock, (error) => this.#break(error))
    void child.exited.then(() => this.#stop(new GreenroomError('SESSION_EXITED', 'The shell ended before it answered')))
  }

  /** Resolves when the shell is ready. */
  async opened(): Promise<this> {
    const { pid, readStderr, stdin } = this.#child
    if (pid !== undefined && !readStderr) throw new GreenroomError('START_FAILED', 'A shell needs a child whose stderr can be read (readStderr)')
    stdin.write(setUp())
    await this.ping(this.#context.signal)
    return this
  }

  turn(message: unknown, sink: TurnSink): void {
    const { text, timeoutMs = this.#options.timeout } = readOrder(message, 'command', 'shell')
    if (text.includes('\0')) throw new GreenroomError('MESSAGE_INVALID', "The command can't be sent: no shell takes NUL characters")
    if (this.#turn) throw new GreenroomError('SESSION_BUSY', 'The shell is still running the command of an earlier request')
    const state = new InterruptibleTurn({
      sink,
      clock: this.#context.clock,
      timeoutMs,
      interrupt: () => this.#interrupt(),
      unstoppable: (error) => this.#break(error),
    })
    this.#turn = { state, token: this.#newToken(), ended: new Set() }
    this.#background = new Set(this.#child.pid === undefined ? [] : childrenOf(this.#child.pid))
    this.#child.stdin.write(commandLines(this.#dialect, this.#turn.token, text))
    this.#output.begin(sink)
  }

  /** Interrupts the command, as Ctrl-C would. Its turn then ends, and the shell's state is kept. */
  cancel(sink: TurnSink): void {
    if (this.#turn?.state.sink === sink) this.#turn.state.cancel()
  }

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    let giveUp: (() => void) | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        giveUp = () => reject(signal.reason)
        signal.addEventListener('abort', giveUp)
        this.#ask(resolve, reject)
      })
    } finally {
      if (giveUp) signal.removeEventListener('abort', giveUp)
    }
  }

  /** Interrupts what runs. An interactive shell takes no notice of SIGTERM, and reads the end of its input only when it is idle. */
  async goodbye(signal: AbortSignal): Promise<void> {
    if (!this.#turn || signal.aborted) return
    const turnOver = new Promise<void>((resolve) => {
      this.#farewells.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#turn.state.cancel()
    await turnOver
  }

  #scanner(stream: Stream): MarkScanner {
    return new MarkScanner({
      output: (text) => {
        if (stream === 'stderr') this.#putOut.push(text)
        this.#output.add({ type: stream, text })
      },
      mark: (token, word) => this.#marked(stream, token, word),
    })
  }

  #newToken(): string {
    const token = randomBytes(16).toString('hex')
    for (const scanner of this.#scanners) scanner.expect(token)
    return token
  }

  /** Asks for a mark on both streams; all that was put out before it has come then. */
  #ask(done: () => void, fail: (error: Error) => void = () => undefined): void {
    const token = this.#newToken()
    this.#waiting.set(token, { missing: new Set(['stdout', 'stderr']), done, fail })
    this.#child.stdin.write(markLine(this.#dialect, token))
  }

  #marked(stream: Stream, token: string, word: string): void {
    if (this.#turn?.token === token) return this.#turnMarked(this.#turn, stream, word)
    const asked = this.#waiting.get(token)
    if (!asked) return
    asked.missing.delete(stream)
    if (asked.missing.size > 0) return
    // Those who asked before are answered too: their marks are lost if they are not here yet.
    for (const [earlier, { done }] of this.#waiting) {
      this.#waiting.delete(earlier)
      done()
      if (earlier === token) return
    }
  }

  #turnMarked(turn: Turn, stream: Stream, word: string): void {
    if (word === 'b') return turn.state.begun()
    if (stream === 'stdout') turn.exitCode = Number(word)
    turn.ended.add(stream)
    if (turn.state.cancelled) this.#interrupted(turn)
    else if (turn.ended.size === 2) this.#finish(turn)
  }

  #interrupt(pauses = PAUSES): void {
    const turn = this.#turn
    if (!turn) return
    if (pauses === 0 || this.#child.pid === undefined || !computes(this.#child.pid)) return this.#interruptNow(turn)
    this.#interrupting?.cancel()
    this.#interrupting = this.#context.clock.setTimer(() => this.#interrupt(pauses - 1), PAUSE_MS, { background: true })
  }

  /** The group is the shell and what runs in front; what was sent to the background without job control ignores SIGINT. */
  #interruptNow(turn: Turn): void {
    this.#child.signalGroup('SIGINT')
    if (this.#child.pid !== undefined) interruptGroupsBelow(this.#child.pid, this.#background)
    // Some shells forget, at an interrupt, all input they have read, and with it the line that marks the end of the command.
    this.#ask(() => this.#interrupted(turn))
  }

  /** The shell goes on after the command. The last interrupt may still be on its way, and must not hit the next turn. INV 15. */
  #interrupted(turn: Turn): void {
    if (this.#turn !== turn || this.#askingAgain) return
    this.#over(turn)
    // A child that was just being started when the interrupt came may have lost it.
    if (this.#child.pid !== undefined) interruptChildrenOf(this.#child.pid, this.#background)
    const askAgain = (): void => {
      this.#askingAgain = this.#context.clock.setTimer(askAgain, ASK_AGAIN_MS, { background: true })
      this.#ask(() => this.#finish(turn))
    }
    askAgain()
  }

  #finish(turn: Turn): void {
    if (this.#turn !== turn) return
    this.#over(turn)
    this.#askingAgain?.cancel()
    this.#askingAgain = undefined
    this.#turn = undefined
    const { exitCode = INTERRUPTED, state: { sink, timedOut } } = turn
    sink.done({ exitCode, ...this.#output.end(), ...(timedOut && { timedOut }) } satisfies ShellResult)
    this.#sayFarewell()
  }

  /** INV 15: no interrupt comes after this. */
  #over(turn: Turn): void {
    turn.state.over()
    this.#interrupting?.cancel()
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#stop(error)
    this.#context.broken(error)
  }

  #stop(error: Error): void {
    if (this.#turn) this.#over(this.#turn)
    this.#askingAgain?.cancel()
    for (const { fail } of this.#waiting.values()) fail(error)
    this.#waiting.clear()
    this.#sayFarewell()
  }

  #sayFarewell(): void {
    for (const resolve of this.#farewells) resolve()
    this.#farewells.clear()
  }
}
