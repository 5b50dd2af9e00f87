import { GreenroomError, type Clock, type Timer, type TurnSink } from 'greenroom/kit'
import type { ControlConnection, Fields } from './connection.ts'
import { RunningTools } from './running-tools.ts'

/** How soon after an interrupt that had no effect the next one is sent. */
const AGAIN_MS = 250

/** A prompt that was sent, until its result has come and nothing of it is under way any more. */
export class Turn {
  readonly sink: TurnSink
  readonly #uuid: string
  readonly #connection: ControlConnection
  readonly #clock: Clock
  readonly #ended: () => void
  readonly #tools: RunningTools
  #started = false
  #cancelled = false
  #interrupting = false
  #again: Timer | undefined
  #result: Fields | undefined
  /** What kind of error the last answer of the model was. */
  #error: unknown

  /** `ended` is called before the sink is: that may begin the next turn at once. */
  constructor(sink: TurnSink, uuid: string, { connection, clock, ended }: { connection: ControlConnection; clock: Clock; ended: () => void }) {
    this.sink = sink
    this.#uuid = uuid
    this.#connection = connection
    this.#clock = clock
    this.#ended = ended
    this.#tools = new RunningTools(sink)
  }

  /** Takes what the program says while this is open. */
  take(message: Fields): void {
    const { type } = message
    // What it does by itself, when background work has ended, comes in between and has a result of its own.
    if (type === 'result' && this.#isMine(message)) return this.#end(message)
    if (type === 'command_lifecycle') {
      if (message['command_uuid'] === this.#uuid && message['state'] === 'started') this.#start()
      return
    }
    if (type === 'assistant') this.#error = message['error']
    this.#tools.see(message)
    this.sink.event(message)
  }

  /** Interrupts it; an interrupt that comes before it is started is lost, so it waits for that. */
  cancel(): void {
    this.#cancelled = true
    if (this.#started) this.#interrupt()
  }

  #start(): void {
    this.#started = true
    if (this.#cancelled) this.#interrupt()
  }

  #isMine({ origin, user_message_uuid: uuid }: Fields): boolean {
    if (typeof uuid === 'string') return uuid === this.#uuid
    return (origin as { kind?: unknown } | undefined)?.kind !== 'task-notification'
  }

  #interrupt(): void {
    if (this.#interrupting || this.#result) return
    this.#interrupting = true
    const answered = (): void => {
      this.#interrupting = false
      if (this.#result) this.#finish(this.#result)
      else this.#again = this.#clock.setTimer(() => this.#interrupt(), AGAIN_MS, { background: true })
    }
    this.#connection.request({ subtype: 'interrupt' }, { done: answered, fail: answered })
  }

  #end(result: Fields): void {
    this.#again?.cancel()
    this.#result = result
    // INV 1: an interrupt that is under way must not meet the next turn.
    if (!this.#interrupting) this.#finish(result)
  }

  #finish(result: Fields): void {
    this.#ended()
    if (result['is_error'] === true && !this.#cancelled) this.sink.fail(failureOf(result, this.#error))
    else this.sink.done(result)
  }
}

function failureOf(result: Fields, kind: unknown): GreenroomError {
  const { subtype, result: text, errors } = result
  const said = typeof text === 'string' && text !== '' ? text : Array.isArray(errors) ? errors.join('; ') : ''
  const what = [subtype === 'success' ? '' : String(subtype), said].filter((part) => part !== '').join(': ')
  const advice = kind === 'authentication_failed'
    ? ". A session sees no variable of greenroom's own that is not named: inheritEnv: ['ANTHROPIC_API_KEY']. With folders it has a HOME of its own, without your login"
    : ''
  return new GreenroomError('REQUEST_FAILED', `Claude Code could not answer: ${what}${advice}`, { details: result })
}
