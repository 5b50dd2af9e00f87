import type { SessionState } from '../contracts/index.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { Demand } from '../pool/demand.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'

/** A session's life is drawn from the last tenth of timeouts.total, so that a same-age cohort never retires together (INV 23). */
const LIFE_JITTER = 0.1

interface Life {
  idle: Timeout | undefined
  end: Timeout | undefined
}

/** Ends sessions that lie idle for too long, and those that have lived for long enough. */
export class Lifetimes implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #demand: Demand
  readonly #timeouts: Timeouts
  readonly #lives = new Map<Session, Life>()

  constructor(deps: { env: PoolEnvironment; roster: Roster; retirer: Retirer; settler: Settler; demand: Demand; background: Timeouts }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#demand = deps.demand
    this.#timeouts = deps.background
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (from === undefined) return this.#born(session)
    const life = this.#lives.get(session)
    if (!life) return
    if (to === 'idle') {
      // A probe is no use: the time it lay idle goes on (INV 26).
      if (from === 'checking') return this.#resume(session, life)
      const { idle } = this.#env.settings.timeouts
      life.idle = idle === Infinity ? undefined : this.#timeouts.add(idle, this.#idledOut, session)
    } else if (to === 'leased') {
      if (life.idle) this.#timeouts.remove(life.idle)
      life.idle = undefined
    } else if (to === 'ending') {
      if (life.idle) this.#timeouts.remove(life.idle)
      if (life.end) this.#timeouts.remove(life.end)
      this.#lives.delete(session)
    }
  }

  #born(session: Session): void {
    const { total } = this.#env.settings.timeouts
    const span = total * (1 - LIFE_JITTER * this.#env.random.next())
    this.#lives.set(session, { idle: undefined, end: total === Infinity ? undefined : this.#timeouts.add(span, this.#aged, session) })
  }

  #resume(session: Session, life: Life): void {
    if (life.idle && life.idle.list === undefined) this.#idledOut(session)
  }

  readonly #aged = (session: Session): void => {
    this.#settler.retireAtRelease(session, 'aged')
  }

  readonly #idledOut = (session: Session): void => {
    // Being probed: looked at again when that is over.
    if (session.state !== 'idle') return
    if (!session.unclaimed) return void this.#retirer.park(session, 'idle')
    // A spare may be wanted all the same: the scaler decides.
    this.#roster.expire(session)
    this.#demand.poke('tick')
  }
}
