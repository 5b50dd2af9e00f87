import type { Usage } from '../session.ts'

/** Measures processes, many at once. */
export interface UsageSampler {
  /** Usage per pid. A pid that could not be measured is left out, and so is a figure that is not known (yet). */
  sample(pids: readonly number[]): Promise<ReadonlyMap<number, Usage>>
  /** The process is gone: forget what is kept of it. */
  forget?(pid: number): void
}
