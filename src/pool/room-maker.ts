import type { Scarce } from '../contracts/index.ts'
import type { Capacity } from './capacity.ts'
import type { PoolEnvironment } from './environment.ts'
import { leastValuable } from './least-valuable.ts'
import type { Retirer } from './retirer.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'
import type { StartGate } from './start-gate.ts'
import type { Tenant } from './tenant.ts'

/** Ends idle sessions that are of no use to those who wait, where there may be no more sessions. */
export class RoomMaker {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #gate: StartGate
  readonly #capacity: Capacity

  constructor(env: PoolEnvironment, roster: Roster, retirer: Retirer, gate: StartGate, capacity: Capacity) {
    this.#env = env
    this.#roster = roster
    this.#retirer = retirer
    this.#gate = gate
    this.#capacity = capacity
  }

  /**
   * There are as many sessions as there may be: ends the least valuable idle ones for those who wait and whom neither a start nor an
   * ending under way will serve. (With isolation 'none' every idle session serves anybody, so there is nothing to do.)
   */
  makeRoom(queued: number): void {
    if (this.#gate.allowance === 0) return
    const { scarce } = this.#capacity
    for (let missing = this.#roster.unserved(queued, this.#env.bindsAtSpawn); missing > 0; missing--) {
      // What was started for others and has served nobody is missed least.
      const victim = this.#leastValuable(scarce, ({ tenant, unclaimed }) => tenant !== undefined && unclaimed)
        ?? this.#leastValuable(scarce, ({ tenant }) => tenant !== undefined)
      if (!victim) return
      this.#evict(victim, 'made room for another caller')
    }
  }

  /** A tenant at its limit gives up its own least valuable idle session. */
  makeRoomWithin(tenant: Tenant): void {
    let leaving = 0
    for (const session of this.#roster.sessions.values()) {
      if (session.tenant === tenant.name && (session.state === 'ending' || session.parking)) leaving++
    }
    if (tenant.gated.size <= leaving) return
    const victim = this.#leastValuable('places', (session) => session.tenant === tenant.name)
    if (victim) this.#evict(victim, "made room within its tenant's limit")
  }

  #leastValuable(scarce: Scarce, among: (session: Session) => boolean): Session | undefined {
    const { counts, idleBound } = this.#roster
    return (this.#env.bindsAtSpawn ? counts.idle : idleBound) === 0 ? undefined : leastValuable(this.#env, this.#roster, scarce, among)
  }

  #evict(victim: Session, why: string): void {
    this.#env.decisions.record('evict', why, victim)
    void this.#retirer.park(victim, 'evicted')
  }
}
