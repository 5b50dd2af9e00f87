import type { ProcessUsage } from '../../contracts/index.ts'

/**
 * The shortest span a CPU share is taken over, in milliseconds. The system counts CPU time in steps of 10 ms: over less than this
 * they would show.
 */
const LEAST_SPAN_MS = 250
/** By how much the age of a process and the span of the clock may disagree. */
const SLACK_MS = 50

/**
 * The CPU share of one session, counted from the CPU times of its processes, whichever they are each time.
 *
 * What ended between two looks is counted where its time went to: a parent that waits for a child takes over the child's whole time. So
 * the sum over the tree grows by what was used, as long as what was counted already of those who are gone is taken off. When nobody in the
 * tree waited for them, that would be too much; then the growth of those who are left is a better figure. Both are never too high, so the
 * higher one holds.
 */
export class CpuMeter {
  #since: number | undefined
  #last: ReadonlyMap<number, ProcessUsage> = new Map()
  #percent: number | undefined

  /** Percent of one core since the last look; `undefined` in the first one, and when it can't be known. It keeps `processes`. */
  measure(processes: ReadonlyMap<number, ProcessUsage>, now: number): number | undefined {
    const since = this.#since
    if (since !== undefined && now - since < LEAST_SPAN_MS) return this.#percent
    const usedMs = since === undefined ? undefined : this.#usedMs(processes, now - since)
    this.#percent = usedMs === undefined || since === undefined ? undefined : (usedMs / (now - since)) * 100
    this.#since = now
    this.#last = processes
    return this.#percent
  }

  #usedMs(processes: ReadonlyMap<number, ProcessUsage>, spanMs: number): number | undefined {
    let own = 0
    let withEnded = 0
    for (const [pid, usage] of processes) {
      const { cpuMs, endedCpuMs = 0, ageMs } = usage
      if (cpuMs === undefined) return undefined
      const last = this.#last.get(pid)
      if (last && isSame(last, usage)) {
        own += cpuMs - last.cpuMs!
        withEnded += cpuMs + endedCpuMs
      } else if (ageMs !== undefined && ageMs <= spanMs + SLACK_MS) {
        // It began since the last look: all it has used is of this span.
        own += cpuMs
        withEnded += cpuMs + endedCpuMs
      } else {
        // It was there before, and nobody looked: INV 27.
        return undefined
      }
    }
    for (const { cpuMs = 0, endedCpuMs = 0 } of this.#last.values()) withEnded -= cpuMs + endedCpuMs
    return Math.max(own, withEnded)
  }
}

/** One that began at another time, is younger than it was, or has used less, is another process of the same number. */
function isSame(last: ProcessUsage, { cpuMs = 0, ageMs, startTime }: ProcessUsage): boolean {
  if (last.cpuMs === undefined) return false
  if (last.startTime !== undefined && startTime !== undefined) return last.startTime === startTime
  if (last.ageMs !== undefined && ageMs !== undefined && ageMs + SLACK_MS < last.ageMs) return false
  return cpuMs >= last.cpuMs
}
