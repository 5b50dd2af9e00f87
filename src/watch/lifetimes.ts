import type { SessionState } from '../contracts/index.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { Demand } from '../pool/demand.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'
import { roundedSpan } from './spans.ts'

/** A session's life is drawn from the last tenth of timeouts.total, so that a same-age cohort never retires together (INV 23). */
const LIFE_JITTER = 0.1

interface Life {
  idle: Timeout | undefined
  readonly end: Timeout | undefined
}

/**
 * Ends sessions that lie idle for too long, and those that have lived for long enough. A session has one idle time-out, which is not touched by
 * leases: when it is due, it looks how long the session has lain idle by then.
 */
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
    if (from === 'starting' && to === 'idle') this.#arm(session, life, this.#env.settings.timeouts.idle)
    // A probe is no use: the time it lay idle goes on (INV 26).
    else if (from === 'checking' && to === 'idle') this.#look(session)
    else if (to === 'ending') {
      if (life.idle) this.#timeouts.remove(life.idle)
      if (life.end) this.#timeouts.remove(life.end)
      this.#lives.delete(session)
    }
  }

  /** timeouts.idle may be another: it counts for those that lie idle now. */
  reconfigured(): void {
    for (const [session, life] of this.#lives) {
      if (life.idle) this.#timeouts.remove(life.idle)
      life.idle = undefined
      if (session.state !== 'starting') this.#look(session)
    }
  }

  #born(session: Session): void {
    const { total } = this.#env.settings.timeouts
    const span = total * (1 - LIFE_JITTER * this.#env.random.next())
    this.#lives.set(session, { idle: undefined, end: total === Infinity ? undefined : this.#timeouts.add(roundedSpan(span, total), this.#aged, session) })
  }

  #arm(session: Session, life: Life, ms: number): void {
    if (life.idle) this.#timeouts.remove(life.idle)
    life.idle = ms === Infinity ? undefined : this.#timeouts.add(ms, this.#look, session)
  }

  readonly #look = (session: Session): void => {
    const life = this.#lives.get(session)
    if (!life) return
    const { idle } = this.#env.settings.timeouts
    const isIdle = session.state === 'idle'
    const left = isIdle ? roundedSpan(session.lastUsedAt + idle - this.#env.clock.now(), idle) : idle
    // One that is out already is looked at again: it may be used once more.
    this.#arm(session, life, left > 0 ? left : idle)
    if (isIdle && left <= 0) this.#idledOut(session)
  }

  readonly #aged = (session: Session): void => {
    this.#settler.retireAtRelease(session, 'aged')
  }

  #idledOut(session: Session): void {
    if (!session.unclaimed) return void this.#retirer.park(session, 'idle')
    // A spare may be wanted all the same: the scaler decides.
    this.#roster.expire(session)
    this.#demand.poke('tick')
  }
}
