import {
  CLOCK, definePlugin, GreenroomError, parseDuration, SPAWNER, z, type Clock, type Duration, type Plugin, type Pool, type Spawner,
} from 'greenroom/kit'
import { Fingerprints, wantedOf, type Wanted } from './agent-sdk/fingerprint.ts'
import { LeasedProcess } from './agent-sdk/leased-process.ts'
import { OwnedProcess } from './agent-sdk/owned-process.ts'
import type { AgentSdkProcess, AgentSdkSpawnOptions } from './agent-sdk/process.ts'
import { RawDriver } from './agent-sdk/raw-driver.ts'

export type { AgentSdkProcess, AgentSdkSpawnOptions } from './agent-sdk/process.ts'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface DriverOptions {
    /** For a pool that serves the Agent SDK alone: see `agentSdk`. */
    'claude-agent-sdk': z.input<typeof options>
  }
}

export interface AgentSdkOptions {
  /** For processes that are no sessions: the time for each step of their end (end of input, SIGTERM, SIGKILL). Default 5 s. */
  readonly grace?: Duration
  /** With `serveFrom`: processes kept warm for each program that a query has asked for, with its arguments, folder and environment. Default 1. */
  readonly spares?: number
}

export interface AgentSdk {
  /** For the pool whose processes they will be. */
  readonly plugin: Plugin
  /**
   * Makes processes from now on sessions of `pool`, which has the driver `claude-agent-sdk`: its sizes and limits hold for them, its stats count them, and
   * queries get spares. Throws `CONFIG_INVALID` when it is another pool, or would start what nobody wants.
   */
  serveFrom(pool: Pool): void
  /** For the option of that name of the SDK's `query()`. Throws before the pool is made, and when it is closed. */
  readonly spawnClaudeCodeProcess: (options: AgentSdkSpawnOptions) => AgentSdkProcess
}

interface Host {
  readonly spawner: Spawner
  readonly clock: Clock
}

/**
 * Has a pool own the processes of `@anthropic-ai/claude-agent-sdk`: each is ended with its whole tree when the SDK gives it up and when the
 * pool is closed, and is found again when the host was killed. With `serveFrom` they are sessions of that pool; without, they count against no
 * size, and no limit of the pool applies to them.
 */
export function agentSdk({ grace = '5s', spares = 1 }: AgentSdkOptions = {}): AgentSdk {
  const stepMs = parseDuration(grace)
  const running = new Set<OwnedProcess>()
  const fingerprints = new Fingerprints()
  let host: Host | undefined
  let driver: RawDriver | undefined
  let source: Pool | undefined

  const plugin = definePlugin({
    name: 'claude-agent-sdk',
    apply(kernel) {
      host = { spawner: kernel.get(SPAWNER), clock: kernel.get(CLOCK) }
      kernel.strategy('driver', 'claude-agent-sdk', {
        description: 'What the Agent SDK starts: only it can speak to the sessions.',
        options,
        create: () => (driver = new RawDriver(fingerprints)),
      })
      kernel.onClose(async () => {
        host = undefined
        await Promise.all([...running].map((one) => one.end()))
      })
    },
  })

  const own = ({ spec }: Wanted, { spawner, clock }: Host, signal: AbortSignal): AgentSdkProcess => {
    const child = spawner.spawn(spec)
    const owned = new OwnedProcess(child, { clock, stepMs })
    running.add(owned)
    void child.exited.then(() => running.delete(owned))
    whenAborted(signal, () => void owned.end())
    return owned
  }

  const lease = (wanted: Wanted, pool: Pool, { clock }: Host, signal: AbortSignal): AgentSdkProcess => {
    const leased = new LeasedProcess()
    whenAborted(signal, () => leased.end())
    fingerprints.enter(wanted)
    const served = async (): Promise<void> => {
      const granted = await pool.acquire({ tenant: wanted.fingerprint, signal: leased.waiting })
      const child = driver?.childOf(granted.sessionId)
      // It has ended in this very moment: the lease tells why.
      if (!child) return leased.fail(granted.signal.reason ?? new GreenroomError('SESSION_ENDED', `session ${granted.sessionId} is gone`))
      leased.begin(granted, child, clock)
      if (wanted.isCommon) void keepWarm(pool, wanted.fingerprint, spares)
      await child.exited
    }
    served().catch((problem: unknown) => leased.fail(problem)).finally(() => fingerprints.leave(wanted))
    return leased
  }

  return {
    plugin,
    serveFrom(pool) {
      const { min, spare } = pool.getPoolStats().limits
      if (!driver) throw new GreenroomError('CONFIG_INVALID', "serveFrom() takes the pool with this plugin and driver: 'claude-agent-sdk'")
      if (min > 0 || spare > 0) throw new GreenroomError('CONFIG_INVALID', 'What the Agent SDK will start is not known before: set size.min and size.spare to 0, and agentSdk({ spares })')
      source = pool
    },
    spawnClaudeCodeProcess(given) {
      if (!host) throw new GreenroomError('POOL_CLOSED', 'No pool owns the processes of the Agent SDK: give its plugin to createPool, and keep that pool open')
      const wanted = wantedOf(given)
      return source ? lease(wanted, source, host, given.signal) : own(wanted, host, given.signal)
    },
  }
}

async function keepWarm(pool: Pool, tenant: string, spares: number): Promise<void> {
  const there = pool.getSessionMetrics().filter((session) => session.tenant === tenant && session.lastUsed === undefined && session.status !== 'ending')
  if (there.length >= spares) return
  try {
    await pool.warm(spares - there.length, { tenant })
  } catch {
    // Starts fail, or the pool is closed: the next query hears of it.
  }
}

function whenAborted(signal: AbortSignal, action: () => void): void {
  if (signal.aborted) action()
  else signal.addEventListener('abort', action, { once: true })
}
