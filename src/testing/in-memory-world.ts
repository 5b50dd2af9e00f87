import {
  type Clock, definePlugin, GUARANTEES, type Plugin, type Pool, type PoolConfig, type Random, type Spawner, type SpawnSpec, type Usage, type UsageSampler, z,
} from '../contracts/index.ts'
import { createPoolHost } from '../create-pool.ts'
import { seededRandom } from '../kernel/system-random.ts'
import { type Behaviour, wellBehaved } from './behaviour.ts'
import { InMemoryChild } from './in-memory-child.ts'
import { type InMemoryCapabilities, InMemoryDriver } from './in-memory-driver.ts'
import type { InMemoryProgram } from './in-memory-program.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Far above any real process, so that nothing that takes one for real can find it. */
const FIRST_PID = 1_000_000_000

export interface InMemoryWorldOptions<C extends Clock = VirtualClock> {
  /** Default: a new VirtualClock. */
  clock?: C
  /** Default: a fixed seed. */
  random?: Random
  /** What the driver can do. Default: `ping`, and a reset that removes everything. */
  capabilities?: InMemoryCapabilities
}

/** A world for a pool without a process, a file or a wait in it. */
export interface InMemoryWorld<C extends Clock = VirtualClock> {
  readonly clock: C
  readonly random: Random
  readonly spawner: Spawner
  /** Registers the driver and the metrics `in-memory`. */
  readonly plugin: Plugin
  /** Every child that was ever started, oldest first. */
  readonly children: readonly InMemoryChild[]
  /** Every program whose handshake was begun, oldest first. */
  readonly programs: readonly InMemoryProgram[]
  readonly control: InMemoryControl
  /** A pool in this world; `config` goes without a driver. */
  createPool(config?: Omit<PoolConfig, 'driver'>): Promise<Pool>
}

/** What sessions will be like, and what became of them. */
export interface InMemoryControl {
  /** How sessions behave that are started from now on. */
  readonly behaviour: Behaviour
  /** How the next session will differ, and the one after that… */
  next(...behaviours: Partial<Behaviour>[]): void
  /** The program of a session. Throws when there is none. */
  program(sessionId: string): InMemoryProgram
  /** Processes alive, by the spawner's own books. */
  readonly live: number
  /** Most of them at any instant. */
  readonly peak: number
}

/** Makes a world in which sessions start, answer and end, well or badly, as a test says. */
export function createInMemoryWorld(): InMemoryWorld
export function createInMemoryWorld<C extends Clock = VirtualClock>(options: InMemoryWorldOptions<C>): InMemoryWorld<C>
export function createInMemoryWorld({
  clock = new VirtualClock(),
  random = seededRandom(1),
  capabilities = { ping: true, resetGuarantees: GUARANTEES },
}: InMemoryWorldOptions<Clock> = {}): InMemoryWorld<Clock> {
  const processes = new InMemoryProcesses(clock)
  const programs: InMemoryProgram[] = []
  const plugin = definePlugin({
    name: 'in-memory',
    apply(kernel) {
      kernel.strategy('driver', 'in-memory', {
        description: 'Sessions without processes, for tests.',
        options: z.strictObject({}),
        create: () => new InMemoryDriver(capabilities, (program) => programs.push(program)),
      })
      kernel.strategy('metrics', 'in-memory', {
        description: 'Finds what the behaviour of each in-memory session says.',
        options: z.strictObject({}),
        create: () => processes,
      })
    },
  })
  return {
    clock,
    random,
    spawner: processes,
    plugin,
    children: processes.children,
    programs,
    control: {
      behaviour: processes.behaviour,
      next: (...behaviours) => void processes.upcoming.push(...behaviours),
      program(sessionId) {
        const program = programs.find((one) => one.sessionId === sessionId)
        if (!program) throw new Error(`there is no session ${sessionId}`)
        return program
      },
      get live() {
        return processes.live
      },
      get peak() {
        return processes.peak
      },
    },
    async createPool({ plugins = [], ...config } = {}) {
      const complete = { driver: 'in-memory', metrics: { use: 'in-memory' }, ...config, plugins: [plugin, ...plugins] }
      return (await createPoolHost(complete, { clock, random, spawner: processes })).pool
    },
  }
}

/** Starts, counts and measures in-memory processes. */
class InMemoryProcesses implements Spawner, UsageSampler {
  readonly children: InMemoryChild[] = []
  readonly behaviour = wellBehaved()
  readonly upcoming: Partial<Behaviour>[] = []
  readonly #clock: Clock
  live = 0
  peak = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  spawn(spec: SpawnSpec): InMemoryChild {
    const behaviour = structuredClone({ ...this.behaviour, ...this.upcoming.shift() })
    const child = new InMemoryChild(FIRST_PID + this.children.length, spec, behaviour, this.#clock)
    this.children.push(child)
    if (child.pid === undefined) return child
    this.peak = Math.max(this.peak, ++this.live)
    child.onExit = () => this.live--
    return child
  }

  async sample(pids: readonly number[]): Promise<ReadonlyMap<number, Usage>> {
    const usages = new Map<number, Usage>()
    for (const pid of pids) {
      const child = this.children[pid - FIRST_PID]
      if (child?.alive && child.behaviour.usage) usages.set(pid, child.behaviour.usage)
    }
    return usages
  }
}
