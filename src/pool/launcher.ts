import { type ChannelContext, type Child, type EndReason, GreenroomError, isGreenroomError, messageOf } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { describeExit } from '../process/exit-text.ts'
import { UnstartedChild } from '../process/unstarted-child.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Questions } from './questions.ts'
import type { Retirer } from './retirer.ts'
import type { Roster } from './roster.ts'
import { Session } from './session.ts'
import type { Settler } from './settler.ts'
import type { StartGate } from './start-gate.ts'

/** Starts sessions, within size.max and what the start gate allows, and brings them to readiness. */
export class Launcher {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #gate: StartGate
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #questions: Questions
  #count = 0
  #closed = false

  constructor(deps: { env: PoolEnvironment; roster: Roster; gate: StartGate; retirer: Retirer; settler: Settler; questions: Questions }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#gate = deps.gate
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#questions = deps.questions
  }

  /** How many more may be started now. */
  get room(): number {
    if (this.#closed) return 0
    const { max, starting } = this.#env.settings.size
    return Math.max(0, Math.min(max - this.#roster.live, Math.min(starting, this.#gate.allowance) - this.#roster.counts.starting))
  }

  /** Nothing is started from here on. */
  close(): void {
    this.#closed = true
  }

  /** Starts one more session, if there is room. It is in the roster when this returns, and ready, or gone, later. */
  start(reason: string): Session | undefined {
    if (this.room < 1) return undefined
    const { clock, decisions, driver, settings, statistics } = this.#env
    const id = `${this.#env.id}-${++this.#count}`
    const child = this.#spawn(id)
    const session = new Session(id, child, clock.now(), driver.capabilities.concurrency ?? 1, settings.isolation === 'none', this.#gate.failures)
    statistics.started++
    decisions.record('start', reason, session)
    this.#roster.add(session)
    void this.#open(session)
    return session
  }

  /** What cannot even be attempted is a process that could not be started: it goes the same way through back-off and breaker. */
  #spawn(sessionId: string): Child {
    const { driver, hooks, spawner } = this.#env
    try {
      const spec = driver.spawnSpec()
      return spawner.spawn(hooks.spawn.isUsed() ? hooks.spawn.call(spec, { sessionId }) : spec)
    } catch (problem) {
      const error = new GreenroomError('STRATEGY_FAILED', `what to start could not be made out: ${messageOf(problem)}`, { cause: problem })
      return new UnstartedChild(Promise.resolve(error), '')
    }
  }

  async #open(session: Session): Promise<void> {
    const { clock, driver, settings, statistics } = this.#env
    const { child } = session
    const gone = new AbortController()
    void child.exited.then((exit) => {
      // INV 16: the handshake is settled too.
      gone.abort(exit.error ?? new Error(`the program ${describeExit(exit, child.stderrTail())}`))
      this.#retirer.exited(session, exit)
    })
    try {
      session.channel = await runWithDeadline(
        async (signal) => {
          const channel = await driver.open(child, this.#context(session, signal, gone))
          // A driver without a handshake has noticed nothing of a command that cannot be started.
          if (child.pid === undefined) throw (await child.exited).error ?? new Error('the process did not start')
          return channel
        },
        settings.timeouts.start,
        clock,
        () => new GreenroomError('START_TIMEOUT', `session ${session.id} was not ready within ${settings.timeouts.start} ms (timeouts.start)`, { sessionId: session.id }),
        gone.signal,
      )
    } catch (problem) {
      return this.#failed(session, problem)
    }
    // It may have ended, or spoken nonsense, in the moment in which it became ready.
    if (gone.signal.aborted) return this.#failed(session, gone.signal.reason)
    // It may have been ended meanwhile (close, closeWhere).
    if (session.state !== 'starting') return
    const now = clock.now()
    session.readyAt = session.lastUsedAt = now
    statistics.start.record(now - session.startedAt, now)
    this.#gate.ready(session)
    // INV 5: it is idle, and given to who waits, within this very call.
    this.#settler.offer(session)
  }

  #context(session: Session, signal: AbortSignal, gone: AbortController): ChannelContext {
    const { clock, random } = this.#env
    return {
      sessionId: session.id,
      clock,
      random,
      signal,
      unsolicited: (message) => this.#settler.unsolicited(session, message),
      ask: (question, fallback) => this.#questions.ask(session, question, fallback),
      broken: (error) => {
        if (session.state === 'starting') gone.abort(error)
        else this.#settler.broken(session, error)
      },
    }
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
