import { GreenroomError, type Binding, type Channel, type ChannelContext, type Child, type TurnSink } from 'greenroom/kit'
import { RpcConnection, type Params } from '../rpc/connection.ts'
import { shakeHands } from '../rpc/handshake.ts'
import { readTurnMessage, type TurnMessage } from '../rpc/turn-message.ts'
import { Turns } from '../rpc/turns.ts'
import { dependsOnBinding, folderOf, workspaceOf, type WorkspaceFolder } from '../rpc/workspace.ts'
import type { LspOptions } from './options.ts'
import { answerServer } from './server-requests.ts'
import { WorkTokens } from './work-tokens.ts'

const FORMS = '{ method, params? } for a request, { notify, params? } for a notification'
/** What begins and ends a session is the driver's business. */
const OURS: ReadonlySet<string> = new Set(['initialize', 'initialized', 'shutdown', 'exit'])
const FOLDERS_CHANGED = 'workspace/didChangeWorkspaceFolders'

/** A conversation with a language server. */
export class LspChannel implements Channel {
  readonly bind?: (binding: Binding, signal: AbortSignal) => Promise<void>
  readonly #options: LspOptions
  readonly #clientInfo: object
  readonly #connection: RpcConnection
  readonly #turns: Turns
  readonly #tokens = new WorkTokens()
  #folders: readonly WorkspaceFolder[] | undefined
  #initialized = false

  private constructor(child: Child, context: ChannelContext, options: LspOptions, clientInfo: object) {
    this.#options = options
    this.#clientInfo = clientInfo
    this.#connection = new RpcConnection(child, { framing: 'content-length', maxFrame: options.maxFrame, clock: context.clock }, {
      notification: (method, params) => {
        if (method === '$/progress' && this.#tokens.report(params)) return
        // Diagnostics, logs, progress of the server itself: they come when they come, and answer nobody's request.
        context.unsolicited(params === undefined ? { method } : { method, params }, true)
      },
      request: (method, params, signal) => {
        const state = { settings: options.settings, folders: this.#folders }
        return answerServer(context, { method, params, turn: this.#turns.asking, signal }, state)
      },
      broken: (error) => context.broken(error),
    })
    this.#turns = new Turns(this.#connection, options.concurrency)
    if (dependsOnBinding(options)) this.bind = async (binding, signal) => this.#initialize(workspaceOf(options, binding), signal)
  }

  /** Resolves when the server is initialized, or, where its workspace is still unknown, when it has answered at all. */
  static async open(child: Child, context: ChannelContext, options: LspOptions, clientInfo: object): Promise<LspChannel> {
    const channel = new LspChannel(child, context, options, clientInfo)
    if (channel.bind) await channel.ping(context.signal)
    else await channel.#initialize(workspaceOf(options), context.signal)
    return channel
  }

  turn(message: unknown, sink: TurnSink): void {
    const read = readTurnMessage(message, FORMS)
    if (OURS.has(read.method)) throw new GreenroomError('MESSAGE_INVALID', `The message can't be sent: greenroom itself sends ${read.method}`)
    if (!this.#initialized) {
      const why = "the driver's option workspace, or folders, makes its sessions somebody's own"
      throw new GreenroomError('CONFIG_INVALID', `The server has no workspace yet: ${why}, which is not to be had with isolation 'none'`)
    }
    if (read.kind === 'request') this.#request(read, sink)
    else this.#notify(read, sink)
  }

  /** The request is answered all the same, with what there is or with an error: that is the turn's end. */
  cancel(sink: TurnSink): void {
    const id = this.#turns.idOf(sink)
    if (id !== undefined) this.#connection.notify('$/cancelRequest', { id })
  }

  /** Any answer is a round trip. */
  async ping(signal: AbortSignal): Promise<void> {
    const { method, params } = this.#options.ping
    await this.#connection.roundTrip(method, params, signal)
  }

  async goodbye(signal: AbortSignal): Promise<void> {
    if (this.#initialized) await this.#connection.call('shutdown', undefined, signal)
    await this.#connection.tell('exit', undefined, signal)
  }

  async #initialize(workspace: string | undefined, signal: AbortSignal): Promise<void> {
    const { capabilities, initializationOptions, settings, watchParent } = this.#options
    const folder = workspace === undefined ? undefined : folderOf(workspace)
    this.#folders = folder && [folder]
    await shakeHands(this.#connection, 'initialize', {
      processId: watchParent ? process.pid : null,
      clientInfo: this.#clientInfo,
      rootUri: folder?.uri ?? null,
      workspaceFolders: this.#folders ?? null,
      capabilities,
      ...(initializationOptions !== undefined && { initializationOptions }),
      trace: 'off',
    }, signal)
    await this.#connection.tell('initialized', {}, signal)
    if (settings) await this.#connection.tell('workspace/didChangeConfiguration', { settings }, signal)
    // What the server asks when it hears of that, its configuration above all, is answered before this is: then it is really ready.
    await this.ping(signal)
    this.#initialized = true
  }

  #request({ method, params }: TurnMessage, sink: TurnSink): void {
    const tracked = this.#tokens.track(params, sink)
    try {
      this.#turns.request(method, tracked.params, sink, tracked.end)
    } catch (error) {
      tracked.end()
      throw error
    }
  }

  #notify({ method, params }: TurnMessage, sink: TurnSink): void {
    this.#turns.notify(method, params, sink)
    if (method === FOLDERS_CHANGED) this.#folders = changed(this.#folders, params)
  }
}

/** The folders after a notification that changes them, for servers that ask. */
function changed(folders: readonly WorkspaceFolder[] = [], params: Params): readonly WorkspaceFolder[] {
  const { event } = (params ?? {}) as { event?: { added?: unknown; removed?: unknown } }
  const gone = new Set(foldersIn(event?.removed).map(({ uri }) => uri))
  return [...folders.filter(({ uri }) => !gone.has(uri)), ...foldersIn(event?.added)]
}

function foldersIn(given: unknown): WorkspaceFolder[] {
  const folders = Array.isArray(given) ? (given as (WorkspaceFolder | null)[]) : []
  return folders.filter((folder): folder is WorkspaceFolder => typeof folder?.uri === 'string')
}
