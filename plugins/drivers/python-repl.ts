import { fileURLToPath } from 'node:url'
import {
  commandCapabilities, commandSpec, definePlugin, z,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec,
} from 'greenroom/kit'
import { interpreterOptions } from './interpreter/options.ts'
import { PythonChannel } from './python-repl/channel.ts'

const WORKER = fileURLToPath(new URL('./python-repl/worker.py', import.meta.url))

const options = z.strictObject({
  command: z.string().min(1).default('python3').describe("Python 3.8 or later: a name on PATH, or a path. Default 'python3'."),
  args: z.array(z.string()).readonly().optional().describe("Options of Python itself, such as '-X', 'dev'."),
  ...interpreterOptions,
})

declare module 'greenroom/kit' {
  interface DriverOptions {
    'python-repl': z.input<typeof options>
  }
}

/**
 * A Python interpreter per session. Messages are `{ code, timeout? }`; answers are {@link PythonResult}, with the same fields as those of
 * node-repl. What the code raises is a result too. Variables stay from request to request.
 */
class PythonRepl implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: z.output<typeof options>

  constructor(given: z.output<typeof options>) {
    this.capabilities = commandCapabilities(given)
    this.#options = given
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    const { args = [] } = this.#options
    // -u: output is passed on as it comes, not when a buffer is full.
    return commandSpec({ ...this.#options, args: ['-u', ...args, WORKER] }, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return new PythonChannel(child, context, this.#options).opened()
  }
}

export type { PythonResult } from './python-repl/channel.ts'

export default definePlugin({
  name: 'python-repl',
  apply(kernel) {
    kernel.strategy('driver', 'python-repl', {
      description: 'A Python interpreter per session: { code } gives { value, stdout, stderr, error? }; state stays. Needs Python 3.8 or later.',
      options,
      create: (given) => new PythonRepl(given),
    })
  },
})
