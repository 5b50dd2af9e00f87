import { GreenroomError, isGreenroomError, randomInt, type Channel, type ChannelContext, type Child, type Random, type TurnSink } from 'greenroom/kit'
import { ControlConnection, type Fields } from './connection.ts'
import { readMessage } from './message.ts'
import type { ClaudeCodeOptions } from './options.ts'
import { answerProgram } from './questions.ts'
import { tokenOf } from './transcript.ts'
import { Turn } from './turn.ts'

const STATES: ReadonlySet<unknown> = new Set(['init', 'status', 'session_state_changed'])

/** One conversation with Claude Code in its stream protocol. */
export class ClaudeCodeChannel implements Channel {
  readonly #context: ChannelContext
  readonly #connection: ControlConnection
  #turn: Turn | undefined
  #turnOver: (() => void) | undefined
  #sessionId: string | undefined
  /** The model was asked something in this conversation. */
  #spoken = false

  /** Resolves when the program has answered `initialize`: before that it takes no turn, and before the first turn it says nothing by itself. */
  static async open(child: Child, context: ChannelContext, { maxFrame }: ClaudeCodeOptions): Promise<ClaudeCodeChannel> {
    let channel: ClaudeCodeChannel | undefined
    const refusal = new AbortController()
    const connection = new ControlConnection(child, { maxFrame, clock: context.clock }, {
      message: (message) => channel ? channel.#message(message) : refuse(message, refusal),
      request: (request, signal) => answerProgram(context, request, channel ? channel.#turn?.sink : undefined, signal),
      broken: (error) => context.broken(error),
    })
    try {
      await connection.call({ subtype: 'initialize' }, AbortSignal.any([context.signal, refusal.signal]))
    } catch (error) {
      if (!isGreenroomError(error, 'REQUEST_FAILED')) throw error
      throw new GreenroomError('START_FAILED', `The program refused to begin: ${error.message}`, { cause: error, details: error.details })
    }
    return channel = new ClaudeCodeChannel(context, connection)
  }

  private constructor(context: ChannelContext, connection: ControlConnection) {
    this.#context = context
    this.#connection = connection
  }

  turn(message: unknown, sink: TurnSink): void {
    const read = readMessage(message)
    if (read.kind === 'prompt') this.#prompt(read.content, sink)
    else this.#connection.request(read.request, sink)
  }

  cancel(sink: TurnSink): void {
    if (this.#turn?.sink === sink) this.#turn.cancel()
  }

  /** A request no version knows, and so answered with an error, also while it works. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#connection.roundTrip({ subtype: 'greenroom_ping' }, signal)
  }

  /** Clears the conversation. Rules, modes, the model, background tasks and files survive it. */
  async reset(signal: AbortSignal): Promise<void> {
    let cleared = false
    await within(signal, (resolve, reject) => this.#prompt('/clear', {
      event: (message) => (cleared ||= (message as Fields)['type'] === 'conversation_reset'),
      quiet: () => undefined,
      done: resolve,
      fail: reject,
    }))
    if (!cleared) throw new GreenroomError('PROTOCOL_ERROR', 'The program did not clear the conversation')
  }

  async park(signal: AbortSignal): Promise<string> {
    const sessionId = this.#sessionId ?? await this.#askSessionId(signal)
    return tokenOf({ sessionId, ...(this.#spoken && { spoken: true }) })
  }

  /** The end of its input does not stop it while it works: that is interrupted before. */
  async goodbye(signal: AbortSignal): Promise<void> {
    const turn = this.#turn
    if (!turn) return
    turn.cancel()
    await within(signal, (resolve) => (this.#turnOver = () => resolve(undefined)))
  }

  #prompt(content: string | readonly object[], sink: TurnSink): void {
    const uuid = uuidOf(this.#context.random)
    this.#connection.send({ type: 'user', uuid, message: { role: 'user', content }, parent_tool_use_id: null })
    this.#turn = new Turn(sink, uuid, {
      connection: this.#connection,
      clock: this.#context.clock,
      ended: () => {
        this.#turn = undefined
        this.#turnOver?.()
      },
    })
  }

  #message(message: Fields): void {
    const { type, session_id: sessionId } = message
    if (typeof sessionId === 'string') this.#sessionId = sessionId
    if (type === 'conversation_reset') this.#spoken = false
    if (type === 'result' && Number(message['num_turns']) > 0) this.#spoken = true
    if (this.#turn) return this.#turn.take(message)
    // How a turn was dealt with, said after its end.
    if (type === 'command_lifecycle' || isEmptyList(message)) return
    this.#context.unsolicited(message, isState(message))
  }

  /** For a session that was resumed, or started, and never asked anything. */
  async #askSessionId(signal: AbortSignal): Promise<string> {
    const status = await this.#connection.call({ subtype: 'get_status' }, signal) as { sections?: { rows?: { label?: unknown; value?: unknown }[] }[] }
    const rows = status.sections?.flatMap((section) => section.rows ?? []) ?? []
    const id = rows.find(({ label }) => label === 'Session ID')?.value
    if (typeof id !== 'string') throw new GreenroomError('PROTOCOL_ERROR', 'The program does not say which conversation it has')
    return id
  }
}

/** What tells of the state of the program, at any time, and says nothing of what was said in it. */
function isState({ type, subtype, isReplay, message }: Fields): boolean {
  // A control call that changes something says so once more, after its answer.
  if (isReplay === true) return String((message as { content?: unknown } | undefined)?.content).startsWith('<local-command-stdout>')
  return type === 'system' && STATES.has(subtype)
}

/** No background task runs. It is said at the start, and when the last one has ended. */
function isEmptyList({ subtype, tasks }: Fields): boolean {
  return subtype === 'background_tasks_changed' && Array.isArray(tasks) && tasks.length === 0
}

/** A result before it was asked anything is why it cannot begin, such as a conversation that is not there. */
function refuse(message: Fields, refusal: AbortController): void {
  if (message['type'] !== 'result') return
  const { errors, result } = message
  const why = Array.isArray(errors) ? errors.join('; ') : String(result)
  refusal.abort(new GreenroomError('START_FAILED', `Claude Code could not begin: ${why}`, { details: message }))
}

/** INV 20: no wait without an end. */
async function within(signal: AbortSignal, begin: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): Promise<void> {
  signal.throwIfAborted()
  let giveUp: () => void = () => undefined
  try {
    await new Promise((resolve, reject) => {
      giveUp = () => reject(signal.reason as Error)
      signal.addEventListener('abort', giveUp)
      begin(resolve, reject)
    })
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** The program wants version 4. */
function uuidOf(random: Random): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replaceAll('x', () => randomInt(random, 16).toString(16))
}
