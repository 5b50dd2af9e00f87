/** What is known of one process at one moment. A figure that could not be read is absent, never 0. */
export interface ProcessUsage {
  /** Resident memory (RSS) in bytes. */
  readonly memoryBytes?: number
  /** CPU time it has used since it began, in milliseconds. */
  readonly cpuMs?: number
  /** CPU time of its descendants that have ended and were waited for, in milliseconds. */
  readonly endedCpuMs?: number
  /** How long it has lived, in milliseconds: tells what a process that was never seen before has used since the last look. */
  readonly ageMs?: number
  /** When it began, in the system's own unit: with its number it names the process for ever. Where it is known, it is compared. */
  readonly startTime?: number
  /** CPU use in percent of one core: for samplers that know no CPU times. */
  readonly cpuPercent?: number
}

/**
 * Measures processes, many at once. It only reads: what was used since the last look, and what a session's processes use together,
 * is counted from what it says.
 */
export interface UsageSampler {
  /** What is known of each process. One that has ended, or could not be read, is left out, and so is a figure that is not known. */
  sample(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUsage>>
  /** Proportional memory (PSS) in bytes of each process; one that could not be read is left out. It must not block the event loop. */
  proportional?(pids: readonly number[]): Promise<ReadonlyMap<number, number>>
  /** Nobody asks about this process any more: forget what is kept of it. */
  forget?(pid: number): void
  /** Nobody asks any more. */
  close?(): void
}
