import { GreenroomError, isGreenroomError, messageOf } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { Retirer } from './retirer.ts'
import type { Session } from './session.ts'

/** Makes a spare its new tenant's own, at its first lease: applies what is the tenant's, and restores the state of a parked key. */
export class Preparer {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer

  constructor(env: PoolEnvironment, retirer: Retirer) {
    this.#env = env
    this.#retirer = retirer
  }

  isNeeded(session: Session): boolean {
    return session.channel?.bind !== undefined || this.willResume(session)
  }

  /** True when its key's state is in the store. */
  willResume({ channel, tenant, key }: Session): boolean {
    return channel?.resume !== undefined && tenant !== undefined && key !== undefined && this.#env.store.has(tenant, key)
  }

  /** Resolves to the lease when the session is ready for it. A session that could not be prepared is ended, whoever's fault it was. */
  async prepare(session: Session, lease: PooledLease, signal: AbortSignal | undefined): Promise<PooledLease> {
    const { clock, settings } = this.#env
    try {
      await runWithDeadline(
        (deadline) => this.#prepare(session, deadline),
        settings.timeouts.start,
        clock,
        () => new Error(`it took longer than ${settings.timeouts.start} ms (timeouts.start)`),
        anyOf(signal, lease.signal),
      )
    } catch (problem) {
      const error = this.#explain(problem, session, lease, signal)
      void this.#retirer.retire(session, 'bind-failed', error)
      throw error
    }
    if (lease.over) throw lease.over
    return lease
  }

  async #prepare(session: Session, signal: AbortSignal): Promise<void> {
    const { tenant, key, channel } = session
    if (tenant === undefined || !channel) return
    if (channel.bind) await channel.bind({ tenant, key }, signal)
    if (key === undefined || !channel.resume) return
    const parked = await this.#env.store.take(tenant, key)
    if (!parked) return
    try {
      await channel.resume(parked.token, signal)
    } catch (problem) {
      // The state is as it was: the next acquire may have more luck.
      await this.#env.store.put(parked)
      throw problem
    }
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
