import { GreenroomError, type Binding, type Channel, type ChannelContext, type Child, type TurnSink } from 'greenroom/kit'
import { RpcConnection, type Params } from '../rpc/connection.ts'
import { Turns } from '../rpc/turns.ts'
import { workspaceOf } from '../rpc/workspace.ts'
import { answerAgent } from './agent-requests.ts'
import { explainRefusal, initialize, type Agent } from './handshake.ts'
import { readAcpMessage, type AcpMessage } from './message.ts'
import type { AcpOptions } from './options.ts'
import { RunningTools } from './running-tools.ts'

/** What tells of the state of a conversation, at any time, and says nothing of what was said in it. */
const STATE_UPDATES: ReadonlySet<unknown> = new Set([
  'available_commands_update', 'current_mode_update', 'config_option_update', 'session_info_update', 'usage_update',
])

const forever = new AbortController().signal

interface Update {
  readonly sessionId?: unknown
  readonly update?: { readonly sessionUpdate?: unknown } | null
}

/** A prompt that has not been answered. */
interface Prompt {
  readonly sink: TurnSink
  readonly tools: RunningTools
  readonly cancelled: AbortController
}

/** One conversation with a coding agent. The process is ready before the conversation begins: that is when the session is claimed. */
export class AcpChannel implements Channel {
  readonly park?: () => Promise<string>
  readonly resume?: (token: string, signal: AbortSignal) => Promise<void>
  readonly #context: ChannelContext
  readonly #options: AcpOptions
  readonly #connection: RpcConnection
  readonly #turns: Turns
  readonly #agent: Agent
  #binding: Binding | undefined
  #sessionId: string | undefined
  /** A conversation is begun or restored: what is said of it meanwhile is no news. */
  #opening = false
  /** Something was said in it, so that there is something to restore. */
  #spoken = false
  #prompt: Prompt | undefined
  /** Cancelled before their conversation had begun. */
  readonly #cancelledEarly = new WeakSet<TurnSink>()

  /** Resolves when the agent is initialized. */
  static async open(child: Child, context: ChannelContext, options: AcpOptions, clientInfo: object): Promise<AcpChannel> {
    let channel: AcpChannel | undefined
    const connection = new RpcConnection(child, { framing: 'ndjson', maxFrame: options.maxFrame, clock: context.clock }, {
      // What is said during the handshake is nobody's leftover.
      notification: (method, params) => channel ? channel.#notified(method, params) : undefined,
      request: (method, params, signal) => channel ? channel.#asked(method, params, signal) : undefined,
      broken: (error) => context.broken(error),
    })
    const agent = await initialize(connection, options, clientInfo, context.signal)
    return channel = new AcpChannel(context, options, connection, agent)
  }

  private constructor(context: ChannelContext, options: AcpOptions, connection: RpcConnection, agent: Agent) {
    this.#context = context
    this.#options = options
    this.#connection = connection
    this.#turns = new Turns(connection, 1)
    this.#agent = agent
    if (!agent.loads && !agent.resumes) return
    // Of a conversation in which nothing was said there is nothing to restore; many agents do not even keep it.
    this.park = async () => JSON.stringify(this.#spoken ? { sessionId: this.#sessionId } : {})
    this.resume = (token, signal) => this.#resume(token, signal)
  }

  async bind(binding: Binding, signal: AbortSignal): Promise<void> {
    this.#binding = binding
    // Noted, and proven to be a folder, in any case.
    this.#place()
    if (!binding.resumes) await this.#begin(signal)
  }

  turn(message: unknown, sink: TurnSink): void {
    const read = readAcpMessage(message)
    if (this.#sessionId !== undefined) this.#send(read, sink)
    else void this.#beginAndSend(read, sink)
  }

  cancel(sink: TurnSink): void {
    const id = this.#turns.idOf(sink)
    if (id === undefined) return void this.#cancelledEarly.add(sink)
    if (this.#prompt?.sink !== sink) return this.#connection.notify('$/cancel_request', { requestId: id })
    this.#connection.notify('session/cancel', { sessionId: this.#sessionId })
    this.#prompt.cancelled.abort(new Error('The prompt was cancelled'))
  }

  /** No agent knows this method, so it answers with an error, or with nothing: a round trip either way. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#connection.roundTrip('_greenroom/ping', {}, signal)
  }

  async goodbye(signal: AbortSignal): Promise<void> {
    if (!this.#agent.closes || this.#sessionId === undefined) return
    await this.#connection.call('session/close', { sessionId: this.#sessionId }, signal)
  }

  #place(): { cwd: string; mcpServers: readonly object[] } {
    const cwd = workspaceOf(this.#options, this.#binding) ?? workspaceOf({ workspace: this.#options.cwd ?? '.' })!
    return { cwd, mcpServers: this.#options.mcpServers }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const answer = await this.#opened('session/new', this.#place(), signal)
    const { sessionId } = (answer ?? {}) as { sessionId?: unknown }
    if (typeof sessionId !== 'string') throw new GreenroomError('PROTOCOL_ERROR', 'The agent answered session/new without a sessionId')
    this.#sessionId = sessionId
  }

  async #resume(token: string, signal: AbortSignal): Promise<void> {
    const { sessionId } = JSON.parse(token) as { sessionId?: string }
    if (sessionId === undefined) return this.#sessionId === undefined ? this.#begin(signal) : undefined
    await this.#opened(this.#agent.resumes ? 'session/resume' : 'session/load', { sessionId, ...this.#place() }, signal)
    this.#sessionId = sessionId
    this.#spoken = true
  }

  async #opened(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    this.#opening = true
    try {
      return await this.#connection.call(method, params, signal)
    } catch (error) {
      throw explainRefusal(error, this.#agent)
    } finally {
      this.#opening = false
    }
  }

  /** For a session that was never bound, as with isolation 'none', and one whose parked state is gone after all. */
  async #beginAndSend(message: AcpMessage, sink: TurnSink): Promise<void> {
    try {
      await this.#begin(forever)
      if (this.#cancelledEarly.has(sink)) sink.done({ stopReason: 'cancelled' })
      else this.#send(message, sink)
    } catch (error) {
      sink.fail(error as Error)
    }
  }

  #send({ kind, method, params }: AcpMessage, sink: TurnSink): void {
    const whole = { sessionId: this.#sessionId, ...params }
    if (kind === 'notification') return this.#turns.notify(method, whole, sink)
    if (kind === 'request') return this.#turns.request(method, whole, sink)
    this.#turns.request(method, whole, sink, () => (this.#prompt = undefined))
    this.#prompt = { sink, tools: new RunningTools(sink), cancelled: new AbortController() }
    this.#spoken = true
  }

  #notified(method: string, params: Params): void {
    if (method === '$/cancel_request') return this.#connection.withdraw((params as { requestId?: unknown } | undefined)?.requestId, true)
    if (method === 'session/update') return this.#updated((params ?? {}) as Update)
    const notification = params === undefined ? { method } : { method, params }
    if (this.#prompt) this.#prompt.sink.event(notification)
    else this.#context.unsolicited(notification)
  }

  #updated(params: Update): void {
    if (this.#opening) return
    const { sessionId, update } = params
    if (this.#prompt && sessionId === this.#sessionId && update) {
      this.#prompt.tools.see(update)
      this.#prompt.sink.event(update)
    } else this.#context.unsolicited({ method: 'session/update', params }, STATE_UPDATES.has(update?.sessionUpdate))
  }

  #asked(method: string, params: Params, signal: AbortSignal): Promise<unknown> {
    const cancelled = this.#prompt?.cancelled.signal
    const both = cancelled ? AbortSignal.any([signal, cancelled]) : signal
    return answerAgent(this.#context, { method, params, turn: this.#turns.asking, signal: both }, cancelled)
  }
}
