import {
  type Binding, type Channel, type ChannelContext, type Child, type Driver, GreenroomError, type Question, type Random, type TurnSink,
} from '../../../contracts/index.ts'
import { systemClock } from '../../../kernel/system-clock.ts'
import { endChild, type EndReport } from '../../../process/ending.ts'
import { describeExit } from '../../../process/exit-text.ts'
import { call, fail, PATIENCE_MS, rule, settled, show } from '../rules.ts'
import type { DriverContract } from './options.ts'

/** How long a program may take to become ready. */
export const START_MS = 30_000
/**
 * For each step of an end. A pool gives 5 s by default (timeouts.close), on a machine that is not busy with tests: a program that takes longer than
 * that on its own is not found here.
 */
const END_STEP_MS = 10_000

/** What came back for one message. */
export interface TurnRecord {
  readonly sink: TurnSink
  readonly events: readonly unknown[]
  /** Events that came after the end. */
  readonly late: readonly unknown[]
  /** How often `done` or `fail` was called. */
  readonly ends: number
  /** What `done` was called with, also when nobody waited for it any more. */
  readonly done: readonly unknown[]
  /** Settles with the terminal message: rejects with what the turn failed with, or when the session ended or broke first. */
  readonly result: Promise<unknown>
}

/** A driver's conversation with one real process, with the pool's part played, and all that it reported. */
export class DriverSession {
  readonly child: Child
  /** The value of the suite's variable in the environment of its processes. */
  readonly mark: string
  readonly unsolicited: unknown[] = []
  readonly broken: Error[] = []
  readonly asked: Question[] = []
  /** No case can have it after this one. */
  spent = false
  readonly #driver: Driver
  readonly #random: Random
  readonly #start = new AbortController()
  readonly #open = new Set<(error: Error) => void>()
  readonly #turns: TurnRecord[] = []
  #channel: Channel | undefined

  constructor(driver: Driver, child: Child, random: Random, mark: string) {
    this.#driver = driver
    this.#random = random
    this.child = child
    this.mark = mark
    void child.exited.then((exit) => this.#over(exit.error ?? new Error(`the program ${describeExit(exit, child.stderrTail())}`)))
  }

  get channel(): Channel {
    return this.#channel ?? fail('The session is not open')
  }

  /** Begins the handshake. */
  open(): Promise<Channel> {
    return (async () => (this.#channel = await this.#driver.open(this.child, this.#context())))()
  }

  /** Opens it as a pool does: within the time for a start, unless the process ends or the driver gives up. */
  async opened(): Promise<this> {
    const over = new Promise<never>((_resolve, reject) => {
      const { signal } = this.#start
      if (signal.aborted) reject(signal.reason as Error)
      else signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
    over.catch(() => undefined)
    await settled('open()', async () => {
      await Promise.race([this.open(), over])
      // A driver without a handshake has noticed nothing of a command that cannot be started.
      if (this.child.pid === undefined) throw (await this.child.exited).error ?? new Error('the process did not start')
    }, START_MS)
    rule(typeof this.#channel?.turn === 'function', () => `open() came to ${show(this.#channel)}: a channel has a turn() at least`)
    return this
  }

  /** Gives up the start, as a pool does at its deadline. */
  giveUp(): void {
    this.#start.abort(new Error('the time for the start is over'))
  }

  /** Begins a turn with a message that must be taken. */
  turn(message: unknown): TurnRecord {
    return call(`turn() with ${show(message)}`, () => this.tryTurn(message))
  }

  /** Begins a turn; throws what the driver throws. */
  tryTurn(message: unknown): TurnRecord {
    const events: unknown[] = []
    let settle!: { done: (result: unknown) => void; fail: (error: Error) => void }
    const result = new Promise<unknown>((resolve, reject) => (settle = { done: resolve, fail: reject }))
    result.catch(() => undefined)
    const record = { sink: undefined as unknown as TurnSink, events, late: [] as unknown[], done: [] as unknown[], ends: 0, result }
    const end = (finish: () => void): void => {
      record.ends++
      this.#open.delete(settle.fail)
      finish()
    }
    record.sink = {
      event: (event) => void (record.ends === 0 ? events : record.late).push(event),
      quiet: () => undefined,
      done: (value) => {
        record.done.push(value)
        end(() => settle.done(value))
      },
      fail: (error) => end(() => settle.fail(error)),
    }
    this.#open.add(settle.fail)
    this.#turns.push(record)
    try {
      this.channel.turn(message, record.sink)
    } catch (error) {
      this.#open.delete(settle.fail)
      throw error
    }
    return record
  }

  /** Sends a message that must be answered. */
  async request(message: unknown): Promise<{ readonly answer: unknown; readonly events: readonly unknown[] }> {
    return settled(`the request ${show(message)}`, async () => {
      const { result, events } = this.turn(message)
      return { answer: await result, events }
    }, PATIENCE_MS)
  }

  /** Sends the contract's message, and has its answer looked at. */
  async ask({ message, expect }: DriverContract): Promise<void> {
    const { answer, events } = await this.request(message)
    call('expect()', () => expect?.(answer, events))
  }

  /** Tells it whose it is, where it wants to know. A pool does that before the first turn. */
  async bind(binding: Binding): Promise<this> {
    await settled('bind()', () => this.#channel?.bind?.(binding, new AbortController().signal))
    return this
  }

  /** Nothing was reported that an orderly conversation does not have, and every turn has ended once. */
  mustBeOrderly(): void {
    rule(this.broken.length === 0, () => `It reported the session broken, and the program had done nothing wrong: ${show(this.broken[0])}`)
    rule(this.unsolicited.length === 0, () => `It reported a message as unasked for: ${show(this.unsolicited[0])}. `
      + 'What belongs to a turn is its event or its end; what is harmless by protocol is dropped; all else costs the session')
    for (const { ends, late } of this.#turns) {
      rule(ends <= 1, `A turn was ended ${ends} times: done() or fail(), once`)
      rule(late.length === 0, () => `A turn got the event ${show(late[0])} after its end: such a message is no turn's`)
    }
  }

  /** It runs, nothing is under way in it, and nothing was reported that an orderly conversation does not have. */
  get isInOrder(): boolean {
    const quiet = this.broken.length + this.unsolicited.length + this.#open.size === 0
    const ended = this.#turns.every(({ ends, late }) => ends === 1 && late.length === 0)
    return quiet && ended && !this.spent && this.#channel !== undefined && this.child.exit === undefined
  }

  /** Ends the process by the pool's ladder: goodbye and end of input, SIGTERM, SIGKILL. */
  end(): Promise<EndReport> {
    const channel = this.#channel
    const goodbye = channel?.goodbye && ((signal: AbortSignal) => channel.goodbye!(signal))
    return settled('ending the program', () => endChild(this.child, { clock: systemClock, stepMs: END_STEP_MS, goodbye }), 4 * END_STEP_MS)
  }

  /** Ends the process whatever becomes of it. */
  async kill(): Promise<void> {
    // One that was stopped, too.
    await endChild(this.child, { clock: systemClock, stepMs: END_STEP_MS, immediate: true })
    await this.child.endTree?.()
  }

  #over(error: Error): void {
    this.#start.abort(error)
    for (const failTurn of this.#open) failTurn(new GreenroomError('SESSION_CRASHED', error.message, { cause: error }))
    this.#open.clear()
  }

  #context(): ChannelContext {
    return {
      sessionId: 'contract-1',
      clock: systemClock,
      random: this.#random,
      signal: this.#start.signal,
      unsolicited: (message, harmless) => void (harmless || this.unsolicited.push(message)),
      ask: async (question, fallback) => {
        this.asked.push(question)
        return fallback
      },
      broken: (error) => {
        this.broken.push(error)
        this.#over(error)
      },
    }
  }
}
