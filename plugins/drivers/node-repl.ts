import { fileURLToPath } from 'node:url'
import {
  commandCapabilities, commandOptions, commandSpec, definePlugin, size, z,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec,
} from 'greenroom/kit'
import { NodeReplChannel } from './node-repl/channel.ts'

const WORKER = fileURLToPath(new URL('./node-repl/worker.mjs', import.meta.url))

const { cwd, env, inheritEnv, folders } = commandOptions
const options = z.strictObject({
  nodeArgs: z.array(z.string()).readonly().optional().describe("Options of Node itself, such as '--max-old-space-size=256'."),
  cwd,
  env,
  inheritEnv,
  folders,
  maxOutput: size({ min: 1 }).default(2 ** 20).describe("The most output, and the largest value, kept of one request. Default '1MB'."),
})

declare module 'greenroom/kit' {
  interface DriverOptions {
    'node-repl': z.input<typeof options>
  }
}

/**
 * A JavaScript interpreter per session, in a process of its own, on the Node that runs greenroom. Messages are `{ code }`;
 * answers are {@link ReplResult}. What the code throws is a result too. Variables stay from request to request.
 */
class NodeRepl implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: z.output<typeof options>

  constructor(given: z.output<typeof options>) {
    this.capabilities = commandCapabilities(given)
    this.#options = given
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    const { nodeArgs = [], ...place } = this.#options
    return commandSpec({ ...place, command: process.execPath, args: [...nodeArgs, WORKER] }, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return new NodeReplChannel(child, context, this.#options.maxOutput).opened()
  }
}

export type { ReplResult } from './node-repl/channel.ts'

export default definePlugin({
  name: 'node-repl',
  apply(kernel) {
    kernel.strategy('driver', 'node-repl', {
      description: 'A JavaScript interpreter per session: { code } gives { value, stdout, stderr, error? }; state stays. Built in.',
      options,
      create: (given) => new NodeRepl(given),
    })
  },
})
