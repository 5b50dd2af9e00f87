import { hostMarker } from './marker.ts'
import { findTree } from './tree/find-tree.ts'
import type { ProcessTable } from './tree/process-table.ts'
import { signalEntries } from './tree/signal-tree.ts'

const guarded = new Map<() => void, ProcessTable>()

/**
 * Calls `kill` when the host process exits before `release` was called: with process.exit(), an uncaught exception, or at the end of its
 * work. All else that carries a mark of this host is then killed too. One listener serves all; there is none while nothing is guarded.
 */
export function guardExit(kill: () => void, table: ProcessTable): { release(): void } {
  if (guarded.size === 0) process.on('exit', killAll)
  guarded.set(kill, table)
  return {
    release() {
      if (guarded.delete(kill) && guarded.size === 0) process.off('exit', killAll)
    },
  }
}

function killAll(): void {
  const tables = new Set(guarded.values())
  for (const kill of guarded.keys()) kill()
  for (const table of tables) {
    try {
      const snapshot = table.lookNow()
      signalEntries(findTree(snapshot, { marker: hostMarker() }), 'SIGKILL', snapshot, table)
    } catch {
      // The host is exiting: nobody can hear of it. The register has what is left.
    }
  }
}
