import { formatSize } from '../contracts/index.ts'
import type { Capacity } from '../pool/capacity.ts'
import type { Demand } from '../pool/demand.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import { leastValuable } from '../pool/least-valuable.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'

/**
 * Keeps all sessions together within `size.memory`: as many are started as it carries, each counted as the mean of those that were measured,
 * and idle ones leave when those that are here have grown beyond it. A busy one is never ended for it: that is what `limits.memory` is for.
 *
 * Proportional memory counts. Where only resident memory is known, which counts what processes share once for each of them, it is taken in
 * the proportion that the two have in the others.
 */
export class MemoryBudget {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #capacity: Capacity
  readonly #demand: Demand
  /** Bytes of one session, by the last sweep in which any was measured. */
  #mean: number | undefined

  constructor(deps: { env: PoolEnvironment; roster: Roster; retirer: Retirer; capacity: Capacity; demand: Demand }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#capacity = deps.capacity
    this.#demand = deps.demand
  }

  /** The sessions have been measured. O(sessions). */
  swept(): void {
    const { memory } = this.#env.settings.size
    if (memory === Infinity) {
      this.#capacity.affordable = undefined
      return
    }
    const sizes = measured(this.#roster.sessions.values())
    if (sizes.size > 0) this.#mean = Math.max(1, sum(sizes.values()) / sizes.size)
    // INV 27: of what is not known nothing follows.
    if (this.#mean === undefined) return
    const mean = this.#mean
    const bytesOf = (session: Session): number => sizes.get(session) ?? mean
    let used = 0
    let staying = 0
    for (const session of this.#roster.sessions.values()) {
      used += bytesOf(session)
      if (session.state !== 'ending' && !session.parking) staying += bytesOf(session)
    }
    const before = this.#capacity.max
    this.#capacity.affordable = Math.max(0, this.#roster.live + Math.floor((memory - used) / mean))
    this.#free(staying - memory, bytesOf)
    if (this.#capacity.max > before) this.#demand.poke('tick')
  }

  /** Idle ones leave, the least valuable first, until the rest is within the budget or none is left, or as few as `size.min`. */
  #free(tooMuch: number, bytesOf: (session: Session) => number): void {
    const { memory, min } = this.#env.settings.size
    for (let over = tooMuch; over > 0 && this.#roster.staying > Math.max(1, min);) {
      // Spares first: they hold nothing that anybody would miss.
      const victim = this.#leastValuable(({ unclaimed }) => unclaimed) ?? this.#leastValuable(() => true)
      if (!victim) return
      const excess = over
      this.#env.decisions.record('evict', () => `all sessions together use ${formatSize(excess)} more than ${formatSize(memory)} (size.memory)`, victim)
      over -= bytesOf(victim)
      void this.#retirer.park(victim, 'evicted')
    }
  }

  #leastValuable(among: (session: Session) => boolean): Session | undefined {
    return leastValuable(this.#env, this.#roster, 'memory', among)
  }
}

/** What each session uses, in bytes, of those of which anything is known. */
function measured(sessions: Iterable<Session>): ReadonlyMap<Session, number> {
  const resident = new Map<Session, number>()
  const sizes = new Map<Session, number>()
  let both = { resident: 0, proportional: 0 }
  for (const session of sessions) {
    const { memoryBytes, proportionalBytes } = session.usage ?? {}
    if (memoryBytes === undefined) continue
    if (proportionalBytes === undefined) {
      resident.set(session, memoryBytes)
      continue
    }
    sizes.set(session, proportionalBytes)
    both = { resident: both.resident + memoryBytes, proportional: both.proportional + proportionalBytes }
  }
  const proportion = both.resident > 0 ? both.proportional / both.resident : 1
  for (const [session, bytes] of resident) sizes.set(session, bytes * proportion)
  return sizes
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
