import { createRequire } from 'node:module'
import {
  commandCapabilities, commandSpec, definePlugin,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec, type z,
} from 'greenroom/kit'
import { AcpChannel } from './acp/channel.ts'
import { options, type AcpOptions } from './acp/options.ts'

const { version } = createRequire(import.meta.url)('greenroom/package.json') as { version: string }

declare module 'greenroom/kit' {
  interface DriverOptions {
    acp: z.input<typeof options>
  }
}

/** The last message of a prompt. */
export interface AcpResult {
  readonly stopReason: 'end_turn' | 'max_tokens' | 'max_turn_requests' | 'refusal' | 'cancelled'
  readonly [more: string]: unknown
}

/** A message of a prompt before its last: an update of the conversation. `sessionUpdate` says what of it, such as 'agent_message_chunk'. */
export interface AcpUpdate {
  readonly sessionUpdate: string
  readonly [more: string]: unknown
}

/**
 * A coding agent that speaks the Agent Client Protocol over stdio: it is initialized when it is started, and the conversation, with its folder
 * and MCP servers, begins when the session is claimed. `{ prompt }` gives {@link AcpUpdate}s and an {@link AcpResult}. What the agent asks
 * (permissions, files, terminals) goes to the lease's handlers. It has no reset: permissions, files and background work of a conversation
 * outlive it in the same process.
 */
class AcpDriver implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: AcpOptions
  readonly #bindsAtSpawn: boolean

  constructor(given: AcpOptions) {
    // A conversation's folder is told when it begins; only variables must be there at the spawn.
    this.#bindsAtSpawn = given.folders !== undefined && Object.keys(given.folders.env).length > 0
    this.capabilities = this.#bindsAtSpawn ? commandCapabilities(given) : {}
    this.#options = given
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    const { folders, ...program } = this.#options
    return commandSpec(this.#bindsAtSpawn ? { ...program, folders } : program, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return AcpChannel.open(child, context, this.#options, this.#options.clientInfo ?? { name: 'greenroom', version })
  }
}

export default definePlugin({
  name: 'acp',
  apply(kernel) {
    kernel.strategy('driver', 'acp', {
      description: 'A coding agent that speaks the Agent Client Protocol over stdio.',
      options,
      create: (options) => new AcpDriver(options),
    })
  },
})
