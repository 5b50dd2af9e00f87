import type { SessionView } from 'greenroom/kit'
import type { Metric } from './metric.ts'

/** Resident memory, as measured last; unknown where nothing was measured. O(1). */
export class Memory implements Metric {
  score({ usage }: SessionView): number | undefined {
    return usage?.memoryBytes
  }
}
