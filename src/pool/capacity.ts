import type { Scarce } from '../contracts/index.ts'
import type { PoolEnvironment } from './environment.ts'

/** How many sessions there may be at a time: `size.max`, or fewer while `size.memory` carries no more. */
export class Capacity {
  readonly #env: PoolEnvironment
  /** As many as the memory budget carries; `undefined` without a budget. Before anything was measured, as many as may start at once. */
  affordable: number | undefined

  constructor(env: PoolEnvironment) {
    const { size } = env.settings
    this.#env = env
    this.affordable = size.memory === Infinity ? undefined : size.starting
  }

  /** The budget yields to `size.min`, and to the one session without which nobody is ever served. */
  get max(): number {
    const { min, max } = this.#env.settings.size
    return this.affordable === undefined ? max : Math.min(max, Math.max(1, min, this.affordable))
  }

  /** What keeps the number of sessions down: the memory budget only where it carries fewer than `size.max`. */
  get scarce(): Scarce {
    return this.max < this.#env.settings.size.max ? 'memory' : 'places'
  }
}
