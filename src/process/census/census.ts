import type { Clock } from '../../contracts/clock.ts'
import { ProcReader } from '../tree/proc-reader.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import { ProcessTable, systemReader } from '../tree/process-table.ts'
import { ProcCensus } from './proc-census.ts'
import { TableCensus } from './table-census.ts'

/** Where a session's tree begins: its process, and the mark that its descendants inherit. */
export interface CensusSeed {
  readonly pid: number
  readonly marker: string
}

export interface CensusMember extends ProcessId {
  readonly pgid: number
}

/** Says who belongs to which session, again and again. */
export interface Census {
  /**
   * The live processes of each session's tree, its own first if it is there. Ask one at a time, for all sessions each time.
   * @throws what keeps it from seeing: what can't be seen is not nobody.
   */
  take<Seed extends CensusSeed>(seeds: readonly Seed[]): Promise<Map<Seed, CensusMember[]>>
  /** True unless it is known for sure that the process has ended. */
  mayLive(member: ProcessId): boolean
}

/** The census of this system; `undefined` where processes can't be listed. */
export function createCensus(clock: Clock): Census | undefined {
  const reader = systemReader(clock)
  if (reader instanceof ProcReader) return new ProcCensus()
  return reader && new TableCensus(new ProcessTable({ clock, reader }))
}
