import type { Limit, ProcessUsage, SessionState, Timer, Usage, UsageSampler } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { disown } from '../kernel/disown.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'
import type { Census } from '../process/census/census.ts'
import { Judge } from './usage/judge.ts'
import { MemoryRota, type Measured } from './usage/memory-rota.ts'
import { SessionMeter, type TreeReading } from './usage/session-meter.ts'
import { Throttle } from './usage/throttle.ts'
import { Trees } from './usage/trees.ts'

export interface UsageWatchDeps {
  readonly env: PoolEnvironment
  readonly roster: Roster
  readonly retirer: Retirer
  readonly settler: Settler
  readonly sampler: UsageSampler
  /** By their names. */
  readonly limits: ReadonlyMap<string, Limit>
  /** Finds the processes of a session's tree; without it, only the session's own process is measured. */
  readonly census: Census | undefined
  readonly everyMs: number
  /** How often each session's proportional memory is measured; `Infinity`: never. */
  readonly pssEveryMs: number
  /** Called after each sweep. */
  readonly swept?: (() => void) | undefined
}

/** What one sweep found of a session. */
interface Sighting extends Measured {
  readonly usage: Usage
}

/** Measures all sessions in one sweep, now and then, each with its whole process tree, and lets the limits judge what was measured. */
export class UsageWatch implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #sampler: UsageSampler
  readonly #everyMs: number
  readonly #trees: Trees
  readonly #throttle: Throttle
  readonly #judge: Judge
  readonly #rota: MemoryRota
  readonly #swept: (() => void) | undefined
  readonly #meters = new WeakMap<Session, SessionMeter>()
  /** Processes of the last sweep that could be read: the sampler may keep something of each. */
  #sampled: ReadonlyMap<number, ProcessUsage> = new Map()
  readonly #closed = new AbortController()
  #next: Timer | undefined

  constructor({ env, roster, retirer, settler, sampler, limits, census, everyMs, pssEveryMs, swept }: UsageWatchDeps) {
    this.#env = env
    this.#roster = roster
    this.#sampler = sampler
    this.#everyMs = everyMs
    this.#trees = new Trees(census)
    this.#throttle = new Throttle(env, this.#trees, limits.values())
    this.#judge = new Judge({ env, retirer, settler, throttle: this.#throttle, limits })
    this.#swept = swept
    this.#rota = new MemoryRota(env, sampler, { everyMs, pssEveryMs })
  }

  start(): void {
    if (this.#closed.signal.aborted) return
    this.#next = this.#env.clock.setTimer(() => void this.#sweep().then(() => this.start()), this.#everyMs, { background: true })
  }

  close(): void {
    this.#next?.cancel()
    this.#closed.abort(new Error('the pool is closed'))
    this.#throttle.close()
    this.#guard(() => disown(this.#sampler.close?.()), "the sampler's close")
  }

  /** The share of the time, or of the CPU it wants, that a limit leaves to the session; 1 when it is free. */
  shareOf(session: Session): number {
    return this.#throttle.shareOf(session)
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    this.#throttle.changed(session, from, to)
    if (to !== 'gone') return
    this.#rota.forget(session)
    for (const { pid } of this.#trees.of(session)) this.#forget(pid)
    if (session.pid !== undefined) this.#forget(session.pid)
  }

  async #sweep(): Promise<void> {
    const sessions = [...this.#roster.sessions.values()].filter(({ pid, child }) => pid !== undefined && child.exit === undefined)
    if (sessions.length === 0) return
    try {
      const late = () => new Error('the sampler took too long')
      const readings = await runWithDeadline(() => this.#read(sessions), Math.max(5_000, this.#everyMs), this.#env.clock, late, this.#closed.signal)
      const now = this.#env.clock.now()
      const sweep = new Map<Session, Sighting>()
      for (const session of sessions) sweep.set(session, this.#measure(session, readings.get(session)!, now))
      await this.#rota.measure(sweep, this.#judge.exactMemoryFrom, this.#closed.signal)
      if (this.#closed.signal.aborted) return
      for (const [session, sighting] of sweep) this.#conclude(session, sighting, now)
      this.#swept?.()
    } catch (problem) {
      if (this.#closed.signal.aborted) return
      for (const session of sessions) session.usage = undefined
      this.#env.report(problem, 'measuring the sessions')
    }
  }

  async #read(sessions: readonly Session[]): Promise<Map<Session, TreeReading>> {
    const members = await this.#trees.look(sessions)
    const pids = [...members.values()].flatMap((tree) => tree.map(({ pid }) => pid))
    const found = await this.#sampler.sample(pids)
    for (const pid of this.#sampled.keys()) if (!found.has(pid)) this.#forget(pid)
    this.#sampled = found
    return new Map(sessions.map((session) => [session, this.#readingOf(session, found)]))
  }

  #readingOf(session: Session, found: ReadonlyMap<number, ProcessUsage>): TreeReading {
    const processes = new Map<number, ProcessUsage>()
    let complete = true
    for (const member of this.#trees.of(session)) {
      const usage = found.get(member.pid)
      const same = usage && (usage.startTime === undefined || member.startTime === undefined || usage.startTime === member.startTime)
      if (same) processes.set(member.pid, usage)
      // One that has ended since the look is not missing.
      else if (this.#trees.mayLive(member)) complete = false
    }
    return { processes, complete: complete && processes.has(session.pid!), counted: this.#trees.sees(session) }
  }

  #measure(session: Session, reading: TreeReading, now: number): Sighting {
    let meter = this.#meters.get(session)
    if (!meter) this.#meters.set(session, (meter = new SessionMeter()))
    return { meter, pids: [...reading.processes.keys()], usage: meter.measure(reading, now) }
  }

  #conclude(session: Session, { meter, usage: measured }: Sighting, now: number): void {
    const proportionalBytes = measured.memoryBytes === undefined ? undefined : meter.proportionalBytes(now, this.#rota.maxAgeMs)
    const usage = proportionalBytes === undefined ? measured : { ...measured, proportionalBytes }
    // INV 27: what could not be measured is unknown from now on, not what it was.
    session.usage = usage.memoryBytes === undefined && usage.cpuPercent === undefined ? undefined : usage
    if (session.usage && this.#env.hooks.usage.isUsed()) this.#env.hooks.usage.call(session, session.usage)
    if (this.#judge.idle) return
    const { bytesRead, stderrBytes } = session.child
    this.#judge.judge(session, usage, { stdoutBytes: bytesRead, ...(stderrBytes !== undefined && { stderrBytes }) })
  }

  #forget(pid: number): void {
    this.#guard(() => disown(this.#sampler.forget?.(pid)), "the sampler's forget")
  }

  #guard(action: () => void, where: string): void {
    try {
      action()
    } catch (problem) {
      this.#env.report(problem, where)
    }
  }
}
