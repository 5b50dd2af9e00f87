import {
  commandOptions, commandSpec, definePlugin, describeExit, endChild, SPAWNER, z,
  type Child, type Clock, type CommandOptions, type HealthCheck, type HealthSubject, type HealthVerdict, type Spawner,
} from 'greenroom/kit'

const options = z.strictObject({
  command: commandOptions.command.describe('The program that looks at a session: a name to be found on PATH, or a path. Required.'),
  args: commandOptions.args,
  cwd: commandOptions.cwd,
  env: commandOptions.env,
  inheritEnv: commandOptions.inheritEnv,
})

declare module 'greenroom/kit' {
  interface HealthOptions {
    command: z.input<typeof options>
  }
}

/** For each step of ending one that has not ended by itself. */
const END_STEP_MS = 1_000

/**
 * Runs a program for each look. Code 0 says that the session is healthy, any other that it is not; the reason is what the program wrote last to
 * stderr. A program that is still running at the end of `health.timeout` is ended with its whole tree, and counts as unhealthy, as any look does
 * that takes too long. One that can't be started has found nothing out.
 */
class Command implements HealthCheck {
  readonly #options: CommandOptions
  readonly #spawner: Spawner
  readonly #clock: Clock
  readonly #report: (problem: unknown, where: string) => void

  constructor(given: CommandOptions, deps: { spawner: Spawner; clock: Clock; report: (problem: unknown, where: string) => void }) {
    this.#options = given
    this.#spawner = deps.spawner
    this.#clock = deps.clock
    this.#report = deps.report
  }

  async check({ session: { id, pid } }: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    signal.throwIfAborted()
    const spec = commandSpec(this.#options)
    const env = { ...spec.env, GREENROOM_CHECKED_SESSION: id, ...(pid !== undefined && { GREENROOM_CHECKED_PID: String(pid) }) }
    const child = this.#spawner.spawn({ ...spec, env })
    // Whether it reads its input or not, and whatever it writes.
    child.stdin.on('error', () => undefined)
    child.stdin.end()
    child.stdout.resume()
    try {
      return await this.#outcome(child, signal)
    } finally {
      // Nothing it has started outlives the look.
      await endChild(child, { clock: this.#clock, stepMs: END_STEP_MS, immediate: true })
    }
  }

  async #outcome(child: Child, signal: AbortSignal): Promise<HealthVerdict> {
    const exit = await unlessAborted(child.exited, signal)
    const said = describeExit(exit, child.stderrTail())
    if (exit.error) {
      this.#report(exit.error, 'the health check command')
      return { healthy: undefined, reason: `the command ${said}` }
    }
    return exit.code === 0 ? { healthy: true, reason: 'the command found nothing wrong' } : { healthy: false, reason: `the command ${said}` }
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    void promise.then((value) => {
      signal.removeEventListener('abort', stop)
      resolve(value)
    })
  })
}

export default definePlugin({
  name: 'health-command',
  apply(kernel) {
    kernel.strategy('health', 'command', {
      description: 'A program of your own that looks at the session; it is told the number of its process.',
      options,
      create: (given, { clock, report }) => new Command({ ...given, folders: undefined }, { spawner: kernel.get(SPAWNER), clock, report }),
    })
  },
})
