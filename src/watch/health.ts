import { GreenroomError, type HealthCheck, type HealthVerdict, messageOf, type PoolSettings, type SessionState } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'
import { Rounds } from './rounds.ts'

/** How sessions are looked at, and by what. */
export type HealthTerms = NonNullable<PoolSettings['health']> & { readonly check: HealthCheck }

interface Patient {
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
  #terms: HealthTerms | undefined
  readonly #rounds: Rounds<Session>
  readonly #patients = new Map<Session, Patient>()

  constructor(deps: { env: PoolEnvironment; roster: Roster; retirer: Retirer; settler: Settler }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#rounds = new Rounds(deps.env.clock, deps.env.random, (session) => this.#visit(session))
  }

  /** Has sessions looked at in this way from now on, the first time within all of `everyMs`; `undefined`: not at all. */
  use(terms: HealthTerms | undefined): void {
    this.#patients.clear()
    this.#terms = terms
    this.#rounds.restart(terms?.everyMs ?? Infinity)
    if (!terms) return
    for (const session of this.#roster.sessions.values()) {
      if (session.state !== 'starting' && session.state !== 'ending') this.#admit(session)
    }
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (from === 'starting' && to === 'idle') {
      if (this.#terms) this.#admit(session)
    } else if (to === 'ending') {
      this.#patients.delete(session)
      this.#rounds.remove(session)
    }
  }

  #admit(session: Session): void {
    this.#patients.set(session, { failures: 0, successes: 0 })
    this.#rounds.add(session)
  }

  #visit(session: Session): void {
    const patient = this.#patients.get(session)
    if (patient && this.#terms && session.state === 'idle') void this.#examine(session, patient, this.#terms)
  }

  async #examine(session: Session, patient: Patient, terms: HealthTerms): Promise<void> {
    this.#roster.move(session, 'checking')
    const verdict = await this.#ask(session, terms)
    // It may have crashed or been ended meanwhile.
    if (session.state !== 'checking') return
    note(patient, verdict, terms.successes)
    if (patient.failures >= terms.failures) {
      void this.#retirer.retire(session, 'unhealthy', new GreenroomError('SESSION_ENDED', verdict.reason, { sessionId: session.id }))
    } else {
      this.#settler.offer(session)
    }
  }

  async #ask(session: Session, { check, timeoutMs }: HealthTerms): Promise<HealthVerdict> {
    const { clock } = this.#env
    const ping = async (signal: AbortSignal): Promise<boolean> => {
      if (!session.channel?.ping) return false
      await session.channel.ping(signal)
      return true
    }
    try {
      const verdict: unknown = await runWithDeadline(
        (signal) => check.check({ session, timeoutMs, ping }, signal),
        timeoutMs,
        clock,
        () => new Error(`no answer within ${timeoutMs} ms (health.timeout)`),
        session.ending,
      )
      if (typeof verdict !== 'object' || verdict === null) throw new Error(`the check answered ${String(verdict)}, which is no verdict`)
      return verdict as HealthVerdict
    } catch (problem) {
      return { healthy: false, reason: messageOf(problem) }
    }
  }
}

/** INV 27: what could not be found out says neither the one nor the other. */
function note(patient: Patient, { healthy }: HealthVerdict, successes: number): void {
  if (healthy === false) {
    patient.failures++
    patient.successes = 0
  } else if (healthy && ++patient.successes >= successes) {
    patient.failures = 0
  }
}
