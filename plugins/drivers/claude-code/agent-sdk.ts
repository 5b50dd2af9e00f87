import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { CLOCK, definePlugin, endChild, GreenroomError, parseDuration, SPAWNER, type Child, type Clock, type Duration, type Plugin, type Spawner } from 'greenroom/kit'

/** What the Agent SDK asks a spawner for. */
export interface AgentSdkSpawnOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the SDK has closed the process's input, and it has not ended. */
  readonly signal: AbortSignal
}

/** What the Agent SDK takes for a process. */
export interface AgentSdkProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly killed: boolean
  readonly exitCode: number | null
  readonly signalCode: NodeJS.Signals | null
  kill(signal: NodeJS.Signals): boolean
  on(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  once(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): void
  once(event: 'error', listener: (error: Error) => void): void
  off(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): void
  off(event: 'error', listener: (error: Error) => void): void
}

export interface AgentSdk {
  /** For the pool whose processes they will be. */
  readonly plugin: Plugin
  /** For the option of that name of the SDK's `query()`. Throws before the pool is made, and when it is closed. */
  readonly spawnClaudeCodeProcess: (options: AgentSdkSpawnOptions) => AgentSdkProcess
}

/**
 * Has a pool own the processes of `@anthropic-ai/claude-agent-sdk`: each is ended with its whole tree (end of input, SIGTERM, SIGKILL, each after
 * `grace`, by default 5 s) when the SDK gives it up and when the pool is closed, and is found again when the host was killed. They are not
 * sessions: they count against no size, and no limit of the pool applies to them.
 */
export function agentSdk({ grace = '5s' }: { grace?: Duration } = {}): AgentSdk {
  const stepMs = parseDuration(grace)
  const running = new Set<OwnedProcess>()
  let host: { readonly spawner: Spawner; readonly clock: Clock } | undefined
  const plugin = definePlugin({
    name: 'claude-agent-sdk',
    apply(kernel) {
      host = { spawner: kernel.get(SPAWNER), clock: kernel.get(CLOCK) }
      kernel.onClose(async () => {
        host = undefined
        await Promise.all([...running].map((one) => one.end()))
      })
    },
  })
  const spawnClaudeCodeProcess = ({ command, args, cwd, env, signal }: AgentSdkSpawnOptions): AgentSdkProcess => {
    if (!host) throw new GreenroomError('POOL_CLOSED', 'No pool owns the processes of the Agent SDK: give its plugin to createPool, and keep that pool open')
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const child = host.spawner.spawn({ command, args, ...(cwd !== undefined && { cwd }), env: Object.fromEntries(set) })
    const owned = new OwnedProcess(child, { clock: host.clock, stepMs })
    running.add(owned)
    void child.exited.then(() => running.delete(owned))
    if (signal.aborted) void owned.end()
    else signal.addEventListener('abort', () => void owned.end(), { once: true })
    return owned
  }
  return { plugin, spawnClaudeCodeProcess }
}

/** A child in the form the SDK wants. */
class OwnedProcess extends EventEmitter implements AgentSdkProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly #child: Child
  readonly #ladder: { readonly clock: Clock; readonly stepMs: number }
  #killed = false

  constructor(child: Child, ladder: { readonly clock: Clock; readonly stepMs: number }) {
    super()
    this.#child = child
    this.#ladder = ladder
    this.stdin = child.stdin
    this.stdout = child.stdout
    void child.exited.then(({ code, signal, error }) => {
      // INV 18: its tools have groups of their own, and outlive it.
      void child.endTree?.()
      if (!error) this.emit('exit', code, signal)
      else if (this.listenerCount('error') > 0) this.emit('error', error)
    })
  }

  get killed(): boolean {
    return this.#killed
  }

  get exitCode(): number | null {
    return this.#child.exit?.code ?? null
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#child.exit?.signal ?? null
  }

  kill(signal: NodeJS.Signals): boolean {
    this.#killed = this.#child.signal(signal)
    return this.#killed
  }

  async end(): Promise<void> {
    await endChild(this.#child, this.#ladder)
    await this.#child.endTree?.()
  }
}
