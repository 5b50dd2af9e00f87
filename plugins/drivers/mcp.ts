import { createRequire } from 'node:module'
import {
  commandCapabilities, commandSpec, definePlugin, GreenroomError, z,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec,
} from 'greenroom/kit'
import { answerServer, clientCapabilities, clientFeatureOptions } from './mcp/client-features.ts'
import { RpcConnection } from './rpc/connection.ts'
import { shakeHands } from './rpc/handshake.ts'
import { readMcpMessage } from './rpc/mcp-message.ts'
import { ProgressTokens } from './rpc/progress-tokens.ts'
import { programOptions } from './rpc/program-options.ts'
import { Turns } from './rpc/turns.ts'

const { version } = createRequire(import.meta.url)('greenroom/package.json') as { version: string }

/** Revisions of the protocol this driver can speak, the one it offers first. What it uses of them is the same in all. */
const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']

/** Notifications that report on the server, at any time, and never belong to a request. */
const NEWS: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
])

const LOG = 'notifications/message'
const PROGRESS = 'notifications/progress'
const CANCELLED = 'notifications/cancelled'

const options = z.strictObject({
  ...programOptions,
  ...clientFeatureOptions,
  clientInfo: z.strictObject({
    name: z.string().min(1).describe('What greenroom calls itself.'),
    version: z.string().min(1).describe('In which version.'),
  }).default({ name: 'greenroom', version })
    .describe("Who greenroom says it is, in the handshake. Default: 'greenroom' and its version."),
})

declare module 'greenroom/kit' {
  interface DriverOptions {
    mcp: z.input<typeof options>
  }
}

type Options = z.output<typeof options>

/**
 * A Model Context Protocol server over stdio. What it asks of its client (sampling, elicitation, roots) goes to the lease's handlers.
 * It has no reset, because what its tools have done belongs to the whole process, and no goodbye, because the protocol ends with the
 * end of stdin.
 */
class McpDriver implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: Options

  constructor(options: Options) {
    this.capabilities = { ...commandCapabilities(options), concurrency: options.concurrency }
    this.#options = options
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    return commandSpec(this.#options, birth)
  }

  async open(child: Child, context: ChannelContext): Promise<Channel> {
    let ready = false
    const progress = new ProgressTokens()
    const connection: RpcConnection = new RpcConnection(child, { framing: 'ndjson', maxFrame: this.#options.maxFrame, clock: context.clock }, {
      notification: (method, params) => {
        // It takes back a request of its own, or one that was answered long ago. The protocol wants no response then.
        if (method === CANCELLED) return connection.withdraw((params as { requestId?: unknown } | undefined)?.requestId, false)
        // What is said during the handshake is nobody's leftover.
        if (!ready) return
        if (method === PROGRESS && progress.report(params)) return
        const notification = params === undefined ? { method } : { method, params }
        const turn = method === PROGRESS || NEWS.has(method) ? undefined : turns.only
        if (turn) turn.event(notification)
        else context.unsolicited(notification, method === LOG || NEWS.has(method))
      },
      request: (method, params, signal) => answerServer(context, turns, this.#options, method, params, signal),
      broken: (error) => context.broken(error),
    })
    const turns = new Turns(connection, this.#options.concurrency)
    await this.#handshake(connection, context.signal)
    ready = true
    return channelOf(connection, turns, progress)
  }

  async #handshake(connection: RpcConnection, signal: AbortSignal): Promise<void> {
    const hello = { protocolVersion: PROTOCOL_VERSIONS[0], capabilities: clientCapabilities(this.#options), clientInfo: this.#options.clientInfo }
    const answer = await shakeHands(connection, 'initialize', hello, signal)
    const spoken = (answer as { protocolVersion?: unknown } | null)?.protocolVersion
    if (typeof spoken !== 'string' || !PROTOCOL_VERSIONS.includes(spoken)) {
      const known = PROTOCOL_VERSIONS.join(', ')
      throw new GreenroomError('START_FAILED', `The MCP server wants protocol version ${JSON.stringify(spoken)}; known are ${known}`)
    }
    await connection.tell('notifications/initialized', undefined, signal)
  }
}

function channelOf(connection: RpcConnection, turns: Turns, progress: ProgressTokens): Channel {
  return {
    turn(message, sink) {
      const { kind, method, params } = readMcpMessage(message)
      if (kind === 'notification') return turns.notify(method, params, sink)
      const tracked = progress.track(params, sink)
      try {
        turns.request(method, tracked.params, sink, tracked.end)
      } catch (error) {
        tracked.end()
        throw error
      }
    },
    // A server sends no answer to a request it has stopped, and no other message proves that it has: a ping is answered beside a
    // tool that runs on. So the turn stays open unless an answer comes, and the pool ends the session at its settle deadline.
    cancel(sink) {
      const requestId = turns.idOf(sink)
      if (requestId !== undefined) connection.notify('notifications/cancelled', { requestId, reason: 'The caller gave up' })
    },
    ping: async (signal) => void (await connection.call('ping', undefined, signal)),
  }
}

export default definePlugin({
  name: 'mcp',
  apply(kernel) {
    kernel.strategy('driver', 'mcp', {
      description: 'A Model Context Protocol server over stdio.',
      options,
      create: (options) => new McpDriver(options),
    })
  },
})
