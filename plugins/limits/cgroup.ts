import { join } from 'node:path'
import { definePlugin, size, z, type Limit, type LimitVerdict, type SessionView, type SpawnSpec, type StrategyContext } from 'greenroom/kit'
import { Groups, removeGroup, type GroupLimits } from './cgroup/groups.ts'
import { abandonedGroups, groupName } from './cgroup/owner.ts'
import { preparePlace, type Controller } from './cgroup/place.ts'

const options = z.strictObject({
  memory: size({ min: 2 ** 20 }).optional()
    .describe('Bytes that a session may use, with what the system caches for it. Past it, and when nothing can be taken back, the session is killed.'),
  memoryHigh: size({ min: 2 ** 20 }).optional().describe('Bytes from which the system takes memory back from the session and slows it down.'),
  cpu: z.number().min(1).optional().describe('Percent of one core that a session gets at most.'),
  processes: z.int().min(1).optional().describe('Processes and threads that a session may have: it can start no more.'),
  parent: z.string().startsWith('/').optional().describe("The folder of the cgroup in which the pool's groups are made. Default: that of greenroom itself."),
})

type Options = z.output<typeof options>

declare module 'greenroom/kit' {
  interface LimitOptions {
    cgroup: z.input<typeof options>
  }
}

const CPU_PERIOD_US = 100_000

/** Joins the group, then becomes the program: it is in the group before it can do anything, and keeps the process's number. */
const JOIN = 'echo $$ > "$1" || { echo "greenroom: its cgroup could not be joined" >&2; exit 125; }; shift; exec "$@"'

/** The system holds each session's tree to the limits: there is nothing left to be judged. */
class CgroupLimit implements Limit {
  readonly #options: Options
  readonly #context: StrategyContext
  readonly #groups: Groups
  readonly #holdsCpu: boolean

  constructor(given: Options, context: StrategyContext) {
    const { clock, random, report } = context
    const place = preparePlace(controllersFor(given), given.parent)
    for (const folder of abandonedGroups(place.path)) void removeGroup(folder, clock, report)
    const name = groupName(Math.floor(random.next() * 36 ** 6).toString(36))
    this.#options = given
    this.#context = context
    this.#holdsCpu = place.controllers.has('cpu')
    this.#groups = new Groups({ path: join(place.path, name), controllers: place.controllers, limits: limitsOf(given), clock, report })
  }

  /** What to run so that the session begins in its group. */
  wrap(spec: SpawnSpec, sessionId: string): SpawnSpec {
    const file = this.#groups.create(sessionId)
    return { ...spec, command: '/bin/sh', args: ['-c', JOIN, 'greenroom', file, spec.command, ...(spec.args ?? [])] }
  }

  judge(): LimitVerdict {
    return { action: 'ok' }
  }

  throttle({ id }: SessionView, percent: number | undefined): boolean {
    if (!this.#holdsCpu || !this.#groups.has(id)) return false
    const { cpu } = this.#options
    this.#groups.write(id, 'cpu.max', cpuMax(percent === undefined ? cpu : Math.min(percent, cpu ?? Infinity)))
    return true
  }

  /** What the system did to a session that ended by itself. */
  explain({ id }: SessionView): void {
    const kills = this.#groups.figure(id, 'memory.events', 'oom_kill') ?? 0
    if (kills === 0) return
    const problem = new Error(`session ${id} was killed by the system: it went over limits.cgroup.memory and nothing could be taken back`)
    this.#context.report(problem, 'limits.cgroup')
  }

  /** The session is gone; what it has left behind is killed. */
  remove({ id }: SessionView): void {
    void this.#groups.remove(id)
  }

  close(): Promise<void> {
    return this.#groups.close()
  }
}

export default definePlugin({
  name: 'cgroup-limit',
  apply(kernel) {
    let limit: CgroupLimit | undefined
    kernel.strategy('limit', 'cgroup', {
      description: "Has Linux hold each session's whole process tree to memory, CPU and a number of processes (cgroup v2, where it is delegated).",
      options,
      create: (given, context) => (limit = new CgroupLimit(given, context)),
    })
    kernel.hooks.spawn.tap('cgroup-limit', (spec, { sessionId }) => limit?.wrap(spec, sessionId) ?? spec)
    kernel.hooks.state.tap('cgroup-limit', (session, _from, to, reason) => {
      if (to === 'ending' && reason === 'crashed') limit?.explain(session)
      if (to === 'gone') limit?.remove(session)
    })
    kernel.onClose(() => limit?.close())
  },
})

function controllersFor({ memory, memoryHigh, cpu, processes }: Options): Set<Controller> {
  const needed = new Set<Controller>()
  if (memory !== undefined || memoryHigh !== undefined) needed.add('memory')
  if (cpu !== undefined) needed.add('cpu')
  if (processes !== undefined) needed.add('pids')
  return needed
}

function limitsOf({ memory, memoryHigh, cpu, processes }: Options): GroupLimits {
  const limits: { file: string; value: string; optional?: boolean }[] = []
  if (memory !== undefined) {
    limits.push({ file: 'memory.max', value: String(memory) })
    // A session is of no use without one of its processes: all go together.
    limits.push({ file: 'memory.oom.group', value: '1' })
    // What may not be in memory may not be swapped either. A system without swap has no such file.
    limits.push({ file: 'memory.swap.max', value: '0', optional: true })
  }
  if (memoryHigh !== undefined) limits.push({ file: 'memory.high', value: String(memoryHigh) })
  if (cpu !== undefined) limits.push({ file: 'cpu.max', value: cpuMax(cpu) })
  if (processes !== undefined) limits.push({ file: 'pids.max', value: String(processes) })
  return limits
}

function cpuMax(percent: number | undefined): string {
  return `${percent === undefined ? 'max' : Math.round((percent / 100) * CPU_PERIOD_US)} ${CPU_PERIOD_US}`
}
