import {
  commandCapabilities, commandSpec, definePlugin, z,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec,
} from 'greenroom/kit'
import { interpreterOptions } from './interpreter/options.ts'
import { ShellChannel } from './shell/channel.ts'
import { dialectOf, type Dialect } from './shell/dialect.ts'

const options = z.strictObject({
  command: z.string().min(1).default('bash').describe("The shell: 'bash', or a POSIX shell such as 'sh' or 'dash'; a name on PATH, or a path. Default 'bash'."),
  ...interpreterOptions,
})

declare module 'greenroom/kit' {
  interface DriverOptions {
    'shell': z.input<typeof options>
  }
}

/**
 * A shell per session. Messages are `{ command, timeout? }`; answers are {@link ShellResult}. Directory, variables and functions stay
 * from request to request. A command's stdin is empty. A command that ends the shell (`exit`) ends the session.
 */
class Shell implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: z.output<typeof options>
  readonly #dialect: Dialect

  constructor(given: z.output<typeof options>) {
    this.capabilities = commandCapabilities(given)
    this.#options = given
    this.#dialect = dialectOf(given.command)
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    return commandSpec({ ...this.#options, args: this.#dialect.args }, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return new ShellChannel(child, context, this.#dialect, this.#options).opened()
  }
}

export type { ShellResult } from './shell/channel.ts'

export default definePlugin({
  name: 'shell',
  apply(kernel) {
    kernel.strategy('driver', 'shell', {
      description: 'A shell per session: { command } gives { exitCode, stdout, stderr }; directory and variables stay. Needs bash, or another shell.',
      options,
      create: (given) => new Shell(given),
    })
  },
})
