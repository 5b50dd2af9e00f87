import type { AcquireRequest } from '../contracts/index.ts'
import type { Roster } from './roster.ts'
import type { Settler } from './settler.ts'

/** Whether a caller has something to wait for while nothing is started: a session that is used, or looked at, now. */
export class Prospects {
  readonly #roster: Roster
  readonly #settler: Settler
  readonly #communal: boolean

  /** @param communal Isolation 'none': any session is for anybody. */
  constructor(roster: Roster, settler: Settler, communal: boolean) {
    this.#roster = roster
    this.#settler = settler
    this.#communal = communal
  }

  /** O(1), but O(sessions) while some are probed, or where a one-off's session is of use to its tenant afterwards. */
  canBeServedWithoutStart({ tenant, key }: AcquireRequest): boolean {
    if (this.#communal) return this.#roster.staying > this.#roster.counts.starting
    if (this.#roster.counts.checking > 0 && this.#isChecked(tenant)) return true
    const own = this.#roster.tenants.get(tenant)
    if (key !== undefined && own?.keys.get(key)?.session) return true
    return this.#settler.reusesOneOffs && own !== undefined && own.bound > 0 && this.#hasOneOff(tenant)
  }

  /** True when a session that the tenant could have is being probed. */
  #isChecked(tenant: string): boolean {
    for (const session of this.#roster.sessions.values()) {
      if (session.state === 'checking' && session.key === undefined && (session.tenant ?? tenant) === tenant) return true
    }
    return false
  }

  /** True when a one-off of the tenant is under way whose session is clean afterwards; that of a key never is. */
  #hasOneOff(tenant: string): boolean {
    for (const session of this.#roster.sessions.values()) {
      if (session.tenant === tenant && session.key === undefined && session.state !== 'ending' && !session.retireAtRelease) return true
    }
    return false
  }
}
