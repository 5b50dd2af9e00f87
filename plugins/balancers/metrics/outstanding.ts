import type { SessionView } from 'greenroom/kit'
import type { Metric } from './metric.ts'

/** Places taken of those that the session has. O(1). */
export class Outstanding implements Metric {
  readonly least = 0

  score({ load }: SessionView): number {
    return load
  }
}
