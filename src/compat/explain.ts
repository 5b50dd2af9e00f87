import { formatDuration, GreenroomError, isGreenroomError, messageOf, type PoolFacts } from '../contracts/index.ts'

/** A pool's error in the words of whoever lends resources, not sessions. The cause is what the program's own functions failed with. */
export function explain(problem: unknown, acquireMs: number): unknown {
  if (!isGreenroomError(problem)) return problem
  const { code, pool } = problem
  const cause = rootOf(problem.cause)
  const facts: { cause?: unknown; pool?: PoolFacts } = { ...(cause !== undefined && { cause }), ...(pool && { pool }) }
  const because = (clause: string): string => (cause === undefined ? '' : `${clause}: ${messageOf(cause)}`)
  switch (code) {
    case 'ACQUIRE_TIMEOUT':
      return new GreenroomError(code, `no resource came free within ${formatDuration(acquireMs)}${because('; the last one could not be created')}`, facts)
    case 'BREAKER_OPEN':
      return new GreenroomError(code, `create() failed several times in a row and is not called for the moment${because('')}`, facts)
    case 'ACQUIRE_ABORTED':
      return new GreenroomError(code, 'the caller gave up while it waited for a resource', facts)
    default:
      return problem
  }
}

/** Below all that greenroom has to say about it. */
function rootOf(error: unknown): unknown {
  let root = error
  while (isGreenroomError(root) && root.cause !== undefined) root = root.cause
  return root
}
