import { signalProcess, signalProcessGroup } from '../process-group.ts'
import type { ProcessEntry } from './process-entry.ts'
import type { ProcessSnapshot } from './process-snapshot.ts'
import type { ProcessTable } from './process-table.ts'

/**
 * Sends a signal to these processes. Groups that are theirs alone get it as a whole: a group's members can't outrun it by
 * forking. Each is made sure of just before: its id may have become another's since the look.
 */
export function signalEntries(entries: readonly ProcessEntry[], signal: NodeJS.Signals, snapshot: ProcessSnapshot, table: ProcessTable): void {
  const members = new Set(entries.map(({ pid }) => pid))
  const done = new Set<number>()
  for (const entry of entries) {
    const { pid, pgid } = entry
    if (done.has(pgid) || !table.mayBe(entry)) continue
    const whole = pgid > 1 && snapshot.groupOf(pgid).every((mate) => members.has(mate.pid))
    // While this process is alive, the number of its group is its group's.
    if (whole && signalProcessGroup(pgid, signal)) done.add(pgid)
    else signalProcess(pid, signal)
  }
}
