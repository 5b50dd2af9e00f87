import {
  commandCapabilities, commandSpec, definePlugin, z,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec,
} from 'greenroom/kit'
import { RpcConnection } from './rpc/connection.ts'
import { shakeHands } from './rpc/handshake.ts'
import { programOptions } from './rpc/program-options.ts'
import { methodNotFound } from './rpc/rpc-error.ts'
import { readTurnMessage } from './rpc/turn-message.ts'
import { Turns } from './rpc/turns.ts'

const method = z.string().min(1)
const params = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional()
const message = z.strictObject({ method: method.describe('Its name.'), params: params.describe('Its parameters.') })

const options = z.strictObject({
  ...programOptions,
  framing: z.enum(['ndjson', 'content-length']).default('content-length')
    .describe("How messages are told apart: 'content-length' (default) as language servers do, 'ndjson' for one a line."),
  initialize: message.optional()
    .describe('A request sent at the start; the session is ready when it is answered. Default: ready when it runs.'),
  initialized: message.optional().describe('A notification sent after that.'),
  ping: message.optional().describe('A request that changes nothing, for health checks. Default: none.'),
  goodbye: z.strictObject({
    request: message.optional().describe("Sent first, and its answer awaited, such as 'shutdown'."),
    notification: message.optional().describe("Sent last, such as 'exit'."),
  }).optional().describe('What is said before stdin is closed. Default: nothing.'),
  harmless: z.array(method).default([])
    .describe("Notifications and requests of its own that may come at any time, such as 'window/logMessage': while nobody holds the "
      + 'session they are dropped, or answered with MethodNotFound; others end it then. Default: none.'),
})

declare module 'greenroom/kit' {
  interface DriverOptions {
    'json-rpc': z.input<typeof options>
  }
}

type Options = z.output<typeof options>

const FORMS = '{ method, params? } for a request, { notify, params? } for a notification'

/** JSON-RPC 2.0 over stdio. Requests of the program go to the lease's handlers; the default answer is MethodNotFound. */
class JsonRpcDriver implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: Options
  readonly #harmless: ReadonlySet<string>

  constructor(options: Options) {
    this.capabilities = { ...commandCapabilities(options), concurrency: options.concurrency }
    this.#options = options
    this.#harmless = new Set(options.harmless)
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    return commandSpec(this.#options, birth)
  }

  async open(child: Child, context: ChannelContext): Promise<Channel> {
    const { framing, maxFrame, initialize, initialized } = this.#options
    let ready = false
    const connection: RpcConnection = new RpcConnection(child, { framing, maxFrame, clock: context.clock }, {
      notification: (method, params) => {
        // What is said during the handshake is nobody's leftover.
        if (!ready) return
        const notification = params === undefined ? { method } : { method, params }
        const turn = turns.only
        if (turn) turn.event(notification)
        else context.unsolicited(notification, this.#harmless.has(method))
      },
      request: (method, params, signal) => {
        return context.ask({ method, params, turn: turns.asking, harmless: this.#harmless.has(method), signal }, methodNotFound(method))
      },
      broken: (error) => context.broken(error),
    })
    const turns = new Turns(connection, this.#options.concurrency)
    if (initialize) await shakeHands(connection, initialize.method, initialize.params, context.signal)
    if (initialized) await connection.tell(initialized.method, initialized.params, context.signal)
    ready = true
    return this.#channel(connection, turns)
  }

  #channel(connection: RpcConnection, turns: Turns): Channel {
    const { ping, goodbye } = this.#options
    return {
      turn(message, sink) {
        const { kind, method, params } = readTurnMessage(message, FORMS)
        if (kind === 'request') turns.request(method, params, sink)
        else turns.notify(method, params, sink)
      },
      // The request is answered all the same, with what there is or with an error: that is the turn's end.
      cancel(sink) {
        const id = turns.idOf(sink)
        if (id !== undefined) connection.notify('$/cancelRequest', { id })
      },
      ...(ping && { ping: async (signal) => void (await connection.call(ping.method, ping.params, signal)) }),
      ...(goodbye && {
        goodbye: async (signal) => {
          const { request, notification } = goodbye
          if (request) await connection.call(request.method, request.params, signal)
          if (notification) await connection.tell(notification.method, notification.params, signal)
        },
      }),
    }
  }
}

export default definePlugin({
  name: 'json-rpc',
  apply(kernel) {
    kernel.strategy('driver', 'json-rpc', {
      description: 'A program that speaks JSON-RPC 2.0 over its pipes, such as a language server.',
      options,
      create: (options) => new JsonRpcDriver(options),
    })
  },
})
