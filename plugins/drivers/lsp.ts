import { createRequire } from 'node:module'
import {
  commandCapabilities, commandSpec, definePlugin,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec, type z,
} from 'greenroom/kit'
import { LspChannel } from './lsp/channel.ts'
import { options, type LspOptions } from './lsp/options.ts'

const { version } = createRequire(import.meta.url)('greenroom/package.json') as { version: string }

declare module 'greenroom/kit' {
  interface DriverOptions {
    lsp: z.input<typeof options>
  }
}

/**
 * A language server over stdio. Messages are `{ method, params? }` and `{ notify, params? }`. What the server asks goes to the lease's
 * handlers, and has a default answer; what it says goes to `lease.onMessage`, and is harmless when nobody holds the session. It has no
 * reset: open documents, folders and what the server knows of them belong to the whole process.
 */
class LspDriver implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: LspOptions

  constructor(given: LspOptions) {
    this.capabilities = { ...commandCapabilities(given), concurrency: given.concurrency }
    this.#options = given
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    return commandSpec(this.#options, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return LspChannel.open(child, context, this.#options, this.#options.clientInfo ?? { name: 'greenroom', version })
  }
}

export default definePlugin({
  name: 'lsp',
  apply(kernel) {
    kernel.strategy('driver', 'lsp', {
      description: 'A language server over stdio, with its handshake and goodbye.',
      options,
      create: (options) => new LspDriver(options),
    })
  },
})
