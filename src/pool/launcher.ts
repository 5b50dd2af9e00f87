import { type EndReason, GreenroomError, isGreenroomError, messageOf } from '../contracts/index.ts'
import type { Births } from './births.ts'
import type { Capacity } from './capacity.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Opener } from './opener.ts'
import type { Retirer } from './retirer.ts'
import type { Roster } from './roster.ts'
import { Session } from './session.ts'
import type { Settler } from './settler.ts'
import type { StartGate } from './start-gate.ts'
import { UnstartedChild } from '../process/unstarted-child.ts'

/** Starts sessions, within the capacity and what the start gate allows, and brings them to readiness. */
export class Launcher {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #gate: StartGate
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #opener: Opener
  readonly #births: Births
  readonly #capacity: Capacity
  /** Sessions whose process is started by those who prepare them. */
  readonly #handedOut = new Set<Session>()
  /** One of those could not be started, and no other since: the fault may be with all. */
  #doubtful = false
  #count = 0
  #closed = false

  constructor(deps: {
    env: PoolEnvironment
    roster: Roster
    gate: StartGate
    retirer: Retirer
    settler: Settler
    opener: Opener
    births: Births
    capacity: Capacity
  }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#gate = deps.gate
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#opener = deps.opener
    this.#births = deps.births
    this.#capacity = deps.capacity
  }

  /** How many more may be started now. */
  get room(): number {
    if (this.#closed) return 0
    const { starting } = this.#env.settings.size
    const under = this.#roster.counts.starting + this.#startingElsewhere()
    return Math.max(0, Math.min(this.#capacity.max - this.#roster.live, Math.min(starting, this.#gate.allowance) - under))
  }

  /** Nothing is started from here on. */
  close(): void {
    this.#closed = true
  }

  /**
   * Starts one more session, if there is room. It is in the roster when this returns, and ready, or gone, later. `tenant` is for whom, where
   * sessions are bound at their spawn; default: whoever needs it most.
   */
  start(reason: string, tenant?: string): Session | undefined {
    if (this.room < 1) return undefined
    const { bindsAtSpawn, clock, decisions, driver, settings, statistics } = this.#env
    const owner = bindsAtSpawn ? (tenant ?? this.#births.next()) : undefined
    if (bindsAtSpawn && (owner === undefined || !this.#births.mayHaveOneMore(owner))) return undefined
    const id = this.#newId()
    const child = this.#opener.spawn(id, owner === undefined ? undefined : { tenant: owner })
    const session = new Session(id, child, clock.now(), driver.capabilities.concurrency ?? 1, settings.isolation === 'none', this.#gate.failures)
    statistics.started++
    this.#roster.add(session, owner === undefined ? undefined : this.#roster.tenant(owner))
    decisions.record('start', reason, session)
    void this.#open(session)
    return session
  }

  /**
   * The same for those who wait. Where each of them needs a process that is started with the state of a key, and no other would do, the session
   * is given to the next of them first, and its process is started then, once.
   */
  startForCallers(reason: string): Session | undefined {
    const { bindsAtSpawn, clock, decisions, driver, settings } = this.#env
    if (!driver.capabilities.resumesAtSpawn || this.room < 1 || this.#doubtful || this.#gate.allowance < Infinity) return this.start(reason)
    const owner = bindsAtSpawn ? this.#births.next() : undefined
    if ((owner !== undefined && !this.#births.mayHaveOneMore(owner)) || !this.#allResume(owner)) return this.start(reason, owner)
    const now = clock.now()
    const none = new UnstartedChild(Promise.resolve(new Error('it was not started')), '')
    const session = new Session(this.#newId(), none, now, driver.capabilities.concurrency ?? 1, settings.isolation === 'none', this.#gate.failures)
    session.relaunching = true
    session.readyAt = now
    this.#handedOut.add(session)
    this.#roster.add(session, owner === undefined ? undefined : this.#roster.tenant(owner))
    decisions.record('start', reason, session)
    // INV 5: it is given to who waits within this very call.
    this.#settler.offer(session)
    if (session.state === 'idle') void this.#retirer.retire(session, 'released')
    return session
  }

  /** True when everybody who waits, or everybody of the tenant that does, needs a process of their own. O(tenants that are here). */
  #allResume(owner: string | undefined): boolean {
    let queued = 0
    for (const tenant of owner === undefined ? this.#roster.tenants.values() : [this.#roster.tenant(owner)]) {
      if (tenant.resuming < tenant.queued) return false
      queued += tenant.queued
    }
    return queued > 0
  }

  #startingElsewhere(): number {
    for (const session of this.#handedOut) {
      const over = session.state === 'ending' || session.state === 'gone'
      if (session.relaunching && !over) continue
      this.#handedOut.delete(session)
      this.#doubtful = over && session.relaunching
    }
    return this.#handedOut.size
  }

  #newId(): string {
    return `${this.#env.id}-${++this.#count}`
  }

  async #open(session: Session): Promise<void> {
    const { clock, statistics } = this.#env
    try {
      const { channel, gone } = await this.#opener.open(session)
      gone.throwIfAborted()
      session.channel = channel
    } catch (problem) {
      return this.#failed(session, problem)
    }
    // It may have been ended meanwhile (close, closeWhere).
    if (session.state !== 'starting') return
    const now = clock.now()
    session.readyAt = session.lastUsedAt = now
    statistics.startTook(now - session.startedAt, now)
    this.#doubtful = false
    this.#gate.ready(session)
    // INV 5: it is idle, and given to who waits, within this very call.
    this.#settler.offer(session)
  }

  #failed(session: Session, problem: unknown): void {
    if (session.state !== 'starting') return
    const reason: EndReason = isGreenroomError(problem, 'START_TIMEOUT') ? 'start-timeout' : 'start-failed'
    const stderr = session.child.stderrTail()
    const { exit } = session.child
    const error = isGreenroomError(problem, 'START_TIMEOUT')
      ? problem
      : new GreenroomError('START_FAILED', `a session could not be started: ${messageOf(problem)}`, {
          cause: problem,
          sessionId: session.id,
          ...(exit && { exit: { code: exit.code, signal: exit.signal, stderr } }),
        })
    // Told first: what the ending sets free must not be started anew before its back-off.
    this.#gate.failed(session, { phase: 'start', readyForMs: 0 }, error)
    void this.#retirer.retire(session, reason, error)
  }
}
