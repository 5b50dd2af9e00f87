import type { Pool } from '../contracts/index.ts'
import { signalProcessGroup } from '../process/process-group.ts'

/** For someone who will not wait: SIGKILL to every session of the pool. The pool sees them go and closes the faster. */
export function killSessions(pool: Pool): void {
  for (const { pid } of pool.getSessionMetrics()) if (pid !== undefined) signalProcessGroup(pid, 'SIGKILL')
}
