import { type EndReason, type ExitInfo, GreenroomError } from '../contracts/index.ts'
import { endChild } from '../process/ending.ts'
import { describeExit } from '../process/exit-text.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { canResume, type PoolEnvironment } from './environment.ts'
import { pastOf } from './key-past.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'
import type { StartGate } from './start-gate.ts'

/** Ends that are not asked for politely: nothing good can be expected of the process any more, or nobody may wait. */
const AT_ONCE: ReadonlySet<EndReason> = new Set(['silent', 'limit', 'unhealthy', 'crashed', 'exited', 'start-timeout'])

/** Ends sessions: their leases first, then their processes, and proves that they are gone. */
export class Retirer {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #gate: StartGate
  readonly #ending = new Map<Session, Promise<void>>()

  constructor(env: PoolEnvironment, roster: Roster, gate: StartGate) {
    this.#env = env
    this.#roster = roster
    this.#gate = gate
  }

  /**
   * Ends a session; resolves when it is gone, never rejects. Its leases end at once with `error`. Asked again, the first
   * ending stands.
   */
  retire(session: Session, reason: EndReason, error?: GreenroomError): Promise<void> {
    const running = this.#ending.get(session)
    if (running) return running
    if (session.state === 'gone') return Promise.resolve()
    // Noted first: those who hear that their lease is over, or that the session ends, may want to end it as well.
    let gone!: () => void
    const ending = new Promise<void>((resolve) => (gone = resolve))
    this.#ending.set(session, ending)
    // Nor may they come by it again in that very moment.
    session.retireAtRelease ??= reason
    this.#roster.refreshOpen(session)
    session.revokeAll(error ?? new GreenroomError('SESSION_ENDED', `session ${session.id} was ended (${reason})`, { sessionId: session.id }))
    this.#env.decisions.record('end', error ? () => `${reason}: ${error.message}` : reason, session)
    this.#roster.move(session, 'ending', reason)
    void this.#end(session, AT_ONCE.has(reason)).then(gone)
    return ending
  }

  /** Ends a session that nobody uses, but keeps its key's state in the store where the program can be parked. */
  async park(session: Session, reason: EndReason, error?: GreenroomError): Promise<void> {
    const { tenant, key, channel, state } = session
    const unused = state === 'idle' || (session.outstanding + session.turnCount === 0 && (state === 'leased' || (state === 'settling' && !session.parking)))
    // A communal session holds nothing that its key would miss.
    if (tenant === undefined || key === undefined || session.communal || !channel?.park || !canResume(this.#env, channel) || !unused) {
      return this.retire(session, reason, error)
    }
    const { clock, settings, store } = this.#env
    this.#roster.park(session)
    try {
      const token = await runWithDeadline(
        (signal) => channel.park!(signal),
        settings.timeouts.settle,
        clock,
        () => new Error(`parking took longer than timeouts.settle`),
        session.ending,
      )
      const record = { tenant, key, token, parkedAt: clock.wallTime(), past: pastOf(session, clock) }
      await runWithDeadline(() => store.put(record), settings.timeouts.settle, clock, () => new Error('the store took longer than timeouts.settle'))
      return await this.retire(session, 'parked')
    } catch (problem) {
      // A session that crashed or was ended while it was parked has its reason already.
      if (!session.ending.aborted) this.#env.report(problem, `parking session ${session.id}: the state of its key is lost`)
      return this.retire(session, reason, error)
    }
  }

  /** The process of a session has ended by itself. */
  exited(session: Session, exit: ExitInfo): void {
    if (session.state === 'starting' || session.state === 'ending' || session.state === 'gone') return
    const clean = exit.code === 0
    const stderr = session.child.stderrTail()
    const error = new GreenroomError(
      clean ? 'SESSION_EXITED' : 'SESSION_CRASHED',
      `session ${session.id} ${describeExit(exit, stderr)}`,
      { sessionId: session.id, exit: { code: exit.code, signal: exit.signal, stderr } },
    )
    if (!clean) this.#env.statistics.crashes++
    // A clean exit is no crash; but a program that ends before it has served anybody would be started again for ever.
    if (!clean || session.leaseCount === 0) {
      this.#gate.failed(session, { phase: 'crash', readyForMs: this.#env.clock.now() - session.readyAt! }, error)
    }
    void this.retire(session, clean ? 'exited' : 'crashed', error)
  }

  async #end(session: Session, immediate: boolean): Promise<void> {
    const { clock, settings } = this.#env
    const { channel } = session
    try {
      const report = await endChild(session.child, {
        clock,
        stepMs: settings.timeouts.close,
        immediate,
        ...(channel?.goodbye && { goodbye: (signal: AbortSignal) => channel.goodbye!(signal) }),
      })
      if (report.step === 'lost') {
        this.#env.report(new Error(`process ${session.pid} does not end, not even by SIGKILL: it is no longer counted`), `ending session ${session.id}`)
      }
    } catch (problem) {
      this.#env.report(problem, `ending session ${session.id}`)
    }
    this.#ending.delete(session)
    this.#roster.move(session, 'gone')
  }
}
