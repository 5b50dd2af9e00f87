import { GreenroomError, isGreenroomError, messageOf, type ParkedSession } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { Retirer } from './retirer.ts'
import type { Session } from './session.ts'

/** What was taken from the store, and whether nobody waits for it any more. */
interface Taken {
  record: ParkedSession | undefined
  over: boolean
}

/** Makes a spare its new tenant's own, at its first lease: applies what is the tenant's, and restores the state of a parked key. */
export class Preparer {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer

  constructor(env: PoolEnvironment, retirer: Retirer) {
    this.#env = env
    this.#retirer = retirer
  }

  /** For a session that is bound already. */
  isNeeded(session: Session): boolean {
    return session.tenant !== undefined && (session.channel?.bind !== undefined || this.willResume(session))
  }

  /** True when the key's state is in the store. */
  willResume({ channel, tenant, key }: Pick<Session, 'channel' | 'tenant' | 'key'>): boolean {
    const { settings, store } = this.#env
    if (!channel?.resume || tenant === undefined || key === undefined || settings.isolation === 'none') return false
    try {
      return store.has(tenant, key)
    } catch (problem) {
      this.#env.report(problem, "the store's has")
      // It is asked again when the session is prepared, so that the caller hears of it: a state must not be lost in silence.
      return true
    }
  }

  /**
   * Resolves when the session is ready for the lease, at the latest at `due`. A session that could not be prepared is ended,
   * whoever's fault it was.
   */
  async prepare(session: Session, lease: PooledLease, due: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, settings } = this.#env
    const patience = due - clock.now()
    const taken: Taken = { record: undefined, over: false }
    try {
      await runWithDeadline(
        (deadline) => this.#prepare(session, taken, deadline),
        Math.min(settings.timeouts.start, patience),
        clock,
        () => patience < settings.timeouts.start
          ? new GreenroomError('ACQUIRE_TIMEOUT', 'the session was not prepared for its tenant in time', { sessionId: session.id })
          : new Error(`it took longer than ${settings.timeouts.start} ms (timeouts.start)`),
        anyOf(signal, lease.signal),
      )
    } catch (problem) {
      // Before the session's end sets its key free: the next caller may have more luck.
      taken.over = true
      if (taken.record) this.#putBack(taken.record)
      const error = this.#explain(problem, session, lease, signal)
      void this.#retirer.retire(session, 'bind-failed', error)
      throw error
    }
    if (lease.over) throw lease.over
  }

  async #prepare(session: Session, taken: Taken, signal: AbortSignal): Promise<void> {
    const { tenant, key, channel } = session
    if (tenant === undefined || !channel) return
    if (channel.bind) await channel.bind({ tenant, key }, signal)
    if (key === undefined || !channel.resume) return
    const record = await this.#env.store.take(tenant, key)
    if (!record) return
    // Given up while the store was asked.
    if (taken.over) return this.#putBack(record)
    taken.record = record
    await channel.resume(record.token, signal)
  }

  #putBack(record: ParkedSession): void {
    const { clock, settings, store } = this.#env
    runWithDeadline(() => store.put(record), settings.timeouts.settle, clock, () => new Error('the store took longer than timeouts.settle')).catch(
      (problem: unknown) => this.#env.report(problem, `putting a parked session back: the state of its key is lost`),
    )
  }

  #explain(problem: unknown, session: Session, lease: PooledLease, signal: AbortSignal | undefined): GreenroomError {
    if (lease.over) return lease.over
    if (signal?.aborted) return new GreenroomError('ACQUIRE_ABORTED', 'the caller gave up while its session was prepared', { cause: signal.reason })
    if (isGreenroomError(problem)) return problem
    return new GreenroomError('START_FAILED', `session ${session.id} could not be prepared for its tenant: ${messageOf(problem)}`, { cause: problem, sessionId: session.id })
  }
}

function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined))
}
