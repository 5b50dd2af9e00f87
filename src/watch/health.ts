import { GreenroomError, type HealthCheck, type HealthVerdict, messageOf, type PoolSettings, type SessionState } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'

/** Each interval is drawn from 90–110 % of health.every; the first from all of it: probes never come in a burst. */
const JITTER = 0.1
/** Intervals are multiples of this part of health.every. */
const SPANS = 100

/** How sessions are looked at, and by what. */
export type HealthRounds = NonNullable<PoolSettings['health']> & { readonly check: HealthCheck }

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
  #rounds: HealthRounds | undefined
  readonly #timeouts: Timeouts
  readonly #patients = new Map<Session, Patient>()

  constructor(deps: { env: PoolEnvironment; roster: Roster; retirer: Retirer; settler: Settler; background: Timeouts }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#timeouts = deps.background
  }

  /** Has sessions looked at in this way from now on, the first time within all of `everyMs`; `undefined`: not at all. */
  use(rounds: HealthRounds | undefined): void {
    for (const { next } of this.#patients.values()) this.#timeouts.remove(next)
    this.#patients.clear()
    this.#rounds = rounds
    if (!rounds) return
    for (const session of this.#roster.sessions.values()) {
      if (session.state !== 'starting' && session.state !== 'ending') this.#admit(session, rounds)
    }
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (from === 'starting' && to === 'idle') {
      if (this.#rounds) this.#admit(session, this.#rounds)
    } else if (to === 'ending') {
      const patient = this.#patients.get(session)
      if (patient) this.#timeouts.remove(patient.next)
      this.#patients.delete(session)
    }
  }

  #admit(session: Session, rounds: HealthRounds): void {
    this.#patients.set(session, { next: this.#arm(session, rounds, this.#env.random.next()), failures: 0, successes: 0 })
  }

  #arm(session: Session, { everyMs }: HealthRounds, share: number): Timeout {
    // Few different spans, as each has a timer of its own.
    return this.#timeouts.add((everyMs * Math.ceil(SPANS * share)) / SPANS, this.#due, session)
  }

  readonly #due = (session: Session): void => {
    const patient = this.#patients.get(session)
    const rounds = this.#rounds
    if (!patient || !rounds) return
    patient.next = this.#arm(session, rounds, 1 + JITTER * (2 * this.#env.random.next() - 1))
    if (session.state === 'idle') void this.#examine(session, patient, rounds)
  }

  async #examine(session: Session, patient: Patient, rounds: HealthRounds): Promise<void> {
    this.#roster.move(session, 'checking')
    const verdict = await this.#ask(session, rounds)
    // It may have crashed or been ended meanwhile.
    if (session.state !== 'checking') return
    note(patient, verdict, rounds.successes)
    if (patient.failures >= rounds.failures) {
      void this.#retirer.retire(session, 'unhealthy', new GreenroomError('SESSION_ENDED', verdict.reason, { sessionId: session.id }))
    } else {
      this.#settler.offer(session)
    }
  }

  async #ask(session: Session, { check, timeoutMs }: HealthRounds): Promise<HealthVerdict> {
    const { clock } = this.#env
    const ping = async (signal: AbortSignal): Promise<boolean> => {
      if (!session.channel?.ping) return false
      await session.channel.ping(signal)
      return true
    }
    try {
      const verdict: unknown = await runWithDeadline(
        (signal) => check.check({ session, ping }, signal),
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
