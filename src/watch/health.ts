import { GreenroomError, type HealthCheck, type HealthVerdict, messageOf, type SessionState } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'

/** Each interval is drawn from 90–110 % of health.every; the first from all of it: probes never come in a burst. */
const JITTER = 0.1

interface Patient {
  next: Timeout
  failures: number
  /** Since the last failure. */
  successes: number
}

/** Looks at idle sessions now and then, and ends those that fail. Leased ones have the silence watch. */
export class HealthWatch implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #check: HealthCheck
  readonly #settings: { readonly everyMs: number; readonly timeoutMs: number; readonly failures: number; readonly successes: number }
  readonly #timeouts: Timeouts
  readonly #patients = new Map<Session, Patient>()

  constructor(deps: {
    env: PoolEnvironment
    roster: Roster
    retirer: Retirer
    settler: Settler
    check: HealthCheck
    settings: { readonly everyMs: number; readonly timeoutMs: number; readonly failures: number; readonly successes: number }
    background: Timeouts
  }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#check = deps.check
    this.#settings = deps.settings
    this.#timeouts = deps.background
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (from === 'starting' && to === 'idle') {
      this.#patients.set(session, { next: this.#arm(session, this.#env.random.next()), failures: 0, successes: 0 })
    } else if (to === 'ending') {
      const patient = this.#patients.get(session)
      if (patient) this.#timeouts.remove(patient.next)
      this.#patients.delete(session)
    }
  }

  #arm(session: Session, share: number): Timeout {
    // Whole milliseconds, so that time-outs share few lists.
    return this.#timeouts.add(Math.round(this.#settings.everyMs * share), this.#due, session)
  }

  readonly #due = (session: Session): void => {
    const patient = this.#patients.get(session)
    if (!patient) return
    patient.next = this.#arm(session, 1 + JITTER * (2 * this.#env.random.next() - 1))
    if (session.state === 'idle') void this.#examine(session, patient)
  }

  async #examine(session: Session, patient: Patient): Promise<void> {
    this.#roster.move(session, 'checking')
    const verdict = await this.#ask(session)
    // It may have crashed or been ended meanwhile.
    if (session.state !== 'checking') return
    this.#note(patient, verdict)
    if (patient.failures >= this.#settings.failures) {
      void this.#retirer.retire(session, 'unhealthy', new GreenroomError('SESSION_ENDED', verdict.reason, { sessionId: session.id }))
    } else {
      this.#settler.offer(session)
    }
  }

  /** INV 27: what could not be found out says neither the one nor the other. */
  #note(patient: Patient, { healthy }: HealthVerdict): void {
    if (healthy === false) {
      patient.failures++
      patient.successes = 0
    } else if (healthy && ++patient.successes >= this.#settings.successes) {
      patient.failures = 0
    }
  }

  async #ask(session: Session): Promise<HealthVerdict> {
    const { clock } = this.#env
    const ping = async (signal: AbortSignal): Promise<boolean> => {
      if (!session.channel?.ping) return false
      await session.channel.ping(signal)
      return true
    }
    try {
      const verdict: unknown = await runWithDeadline(
        (signal) => this.#check.check({ session, ping }, signal),
        this.#settings.timeoutMs,
        clock,
        () => new Error(`no answer within ${this.#settings.timeoutMs} ms (health.timeout)`),
        session.ending,
      )
      if (typeof verdict !== 'object' || verdict === null) throw new Error(`the check answered ${String(verdict)}, which is no verdict`)
      return verdict as HealthVerdict
    } catch (problem) {
      return { healthy: false, reason: messageOf(problem) }
    }
  }
}
