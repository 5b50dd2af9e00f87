import { LinkedList, type LinkedNode } from 'greenroom/kit'
import type { HazardModel } from './hazard-model.ts'

/** Ages, in milliseconds, between which the rate is taken for one; those who are away for longer teach nothing more. */
const EDGES: readonly number[] = [0, ...Array.from({ length: 24 }, (_, n) => 1_000 * 1.65 ** (n + 1))]
/** Observations made at a time, so that nobody waits for it; the rest are made next time. */
const AT_A_TIME = 64

/** One key that is away. */
export interface Absence {
  readonly sinceMs: number
  readonly habits: readonly number[]
  /** The age that is watched next, as a number of an interval of EDGES. */
  band: number
  node: LinkedNode<Absence> | undefined
}

/**
 * The keys that are away, watched by a model. It hears of every age that one passes without coming back, soon after: learning only from those
 * who come back, it would take all for those who do.
 */
export class Absences {
  readonly #model: HazardModel
  /** Those in each interval, who left first in front. */
  readonly #bands = EDGES.slice(1).map(() => new LinkedList<Absence>())

  constructor(model: HazardModel) {
    this.#model = model
  }

  begin(sinceMs: number, habits: readonly number[]): Absence {
    const absence: Absence = { sinceMs, habits, band: 0, node: undefined }
    this.#queue(absence)
    return absence
  }

  /** Nothing more will be heard of it. O(1). */
  forget(absence: Absence): void {
    absence.node?.leave()
  }

  /** It is over: the key is back. */
  end(absence: Absence, now: number): void {
    absence.node?.leave()
    while (isPast(absence, now)) this.#pass(absence)
    if (absence.band < this.#bands.length) this.#observe(absence, now - absence.sinceMs, true)
  }

  /** Learns from those who have not come back by now. O(1): so many at a time. */
  watch(now: number): void {
    let left = AT_A_TIME
    // From the last one down: nobody is looked at twice.
    for (let band = this.#bands.length - 1; band >= 0; band--) {
      const waiting = this.#bands[band]!
      for (let first = waiting.peek(); first && isPast(first, now) && left > 0; first = waiting.peek(), left--) {
        waiting.shift()
        this.#pass(first)
        this.#queue(first)
      }
    }
  }

  #queue(absence: Absence): void {
    absence.node = this.#bands[absence.band]?.push(absence)
  }

  #pass(absence: Absence): void {
    this.#observe(absence, EDGES[absence.band + 1]!, false)
    absence.band++
  }

  #observe({ band, habits }: Absence, untilMs: number, returned: boolean): void {
    const from = EDGES[band]!
    const middle = Math.sqrt(Math.max(from, 200) * EDGES[band + 1]!)
    this.#model.observe(habits, middle / 1_000, Math.max(1, untilMs - from) / 1_000, returned)
  }
}

function isPast({ band, sinceMs }: Absence, now: number): boolean {
  const end = EDGES[band + 1]
  return end !== undefined && now - sinceMs >= end
}
