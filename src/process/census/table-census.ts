import { findTree } from '../tree/find-tree.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import type { Census, CensusMember, CensusSeed } from './census.ts'

/** By a look at all processes each time: for systems where that is the one way. */
export class TableCensus implements Census {
  readonly #table: ProcessTable
  /** Members by the process their session began with: once a member, always a member. */
  #known = new Map<number, CensusMember[]>()

  constructor(table: ProcessTable) {
    this.#table = table
  }

  async take<Seed extends CensusSeed>(seeds: readonly Seed[]): Promise<Map<Seed, CensusMember[]>> {
    const snapshot = await this.#table.look()
    const found = new Map<Seed, CensusMember[]>()
    const known = new Map<number, CensusMember[]>()
    for (const seed of seeds) {
      // The caller asks only about processes that were not collected yet.
      const members: CensusMember[] = findTree(snapshot, { ...seed, ownsPid: true, ownsGroup: true }, this.#known.get(seed.pid))
      members.sort((a, b) => Number(b.pid === seed.pid) - Number(a.pid === seed.pid))
      found.set(seed, members)
      known.set(seed.pid, members.map(({ pid, startTime, pgid }) => ({ pid, startTime, pgid })))
    }
    this.#known = known
    return found
  }

  mayLive(member: ProcessId): boolean {
    return this.#table.mayBe(member)
  }
}
