import { GreenroomError, isGreenroomError, messageOf, type ParkedSession } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { disown } from '../kernel/disown.ts'
import { canResume, type PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { Relauncher } from './relauncher.ts'
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
  readonly #relauncher: Relauncher

  constructor(env: PoolEnvironment, retirer: Retirer, relauncher: Relauncher) {
    this.#env = env
    this.#retirer = retirer
    this.#relauncher = relauncher
  }

  /** For a session that is bound already. */
  isNeeded(session: Session): boolean {
    return session.tenant !== undefined && (session.relaunching || session.channel?.bind !== undefined || this.willResume(session))
  }

  /** True when the key's state is in the store. */
  willResume({ channel, tenant, key }: Pick<Session, 'channel' | 'tenant' | 'key'>): boolean {
    const { settings, store } = this.#env
    if (!canResume(this.#env, channel) || tenant === undefined || key === undefined || settings.isolation === 'none') return false
    try {
      const has: unknown = store.has(tenant, key)
      if (typeof has === 'boolean') return has
      disown(has)
      throw new Error('it answered neither true nor false')
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
    const { tenant, key } = session
    if (tenant === undefined) return
    const { resumesAtSpawn = false } = this.#env.driver.capabilities
    if (resumesAtSpawn && (session.relaunching || this.willResume(session))) {
      const record = await this.#take(tenant, key!, taken)
      session.past = record?.past
      // One that has no process yet is started in any case.
      if (record || session.relaunching) await this.#relauncher.relaunch(session, tenant, record?.token)
    }
    const resumes = taken.record !== undefined || this.willResume(session)
    await session.channel?.bind?.({ tenant, key, ...(resumes && { resumes }) }, signal)
    if (resumesAtSpawn || key === undefined || !session.channel?.resume) return
    const record = await this.#take(tenant, key, taken)
    session.past = record?.past
    if (record) await session.channel.resume(record.token, signal)
  }

  async #take(tenant: string, key: string, taken: Taken): Promise<ParkedSession | undefined> {
    const record = await this.#env.store.take(tenant, key)
    if (!record) return undefined
    // Given up while the store was asked.
    if (taken.over) this.#putBack(record)
    else taken.record = record
    return taken.record
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
