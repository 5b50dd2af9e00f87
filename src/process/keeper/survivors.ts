import type { Clock, Timer } from '../../contracts/clock.ts'
import { isProcessThere } from '../process-group.ts'
import type { ProcessTable } from '../tree/process-table.ts'

/** Looking takes some 0.02 ms a process: with a rest of 1 ms for each, 2 % of a core. */
const REST_PER_PROCESS_MS = 1
const SHORTEST_REST_MS = 100

export interface Watched {
  readonly pid: number | undefined
  readonly startTime: number | undefined
}

/** Notices the end of processes that nobody here can wait for, because the process that started them is gone. */
export class Survivors {
  readonly #clock: Clock
  readonly #table: ProcessTable
  readonly #watched = new Map<Watched, () => void>()
  #timer: Timer | undefined

  constructor(clock: Clock, table: ProcessTable) {
    this.#clock = clock
    this.#table = table
  }

  has(process: Watched): boolean {
    return this.#watched.has(process)
  }

  /** Calls `ended` once, when the process is gone. */
  watch(process: Watched, ended: () => void): void {
    this.#watched.set(process, ended)
    this.#arm()
  }

  /** Looks at one at once: something of it has ended. */
  look(process: Watched): void {
    const ended = this.#watched.get(process)
    if (!ended || this.#isThere(process)) return
    this.#watched.delete(process)
    ended()
  }

  #arm(): void {
    if (this.#timer || this.#watched.size === 0) return
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined
      for (const process of [...this.#watched.keys()]) this.look(process)
      this.#arm()
    }, Math.max(SHORTEST_REST_MS, REST_PER_PROCESS_MS * this.#watched.size))
  }

  #isThere({ pid, startTime }: Watched): boolean {
    if (pid === undefined || !isProcessThere(pid)) return false
    try {
      return startTime === undefined || this.#table.mayBe({ pid, startTime })
    } catch {
      // Unknown is not gone.
      return true
    }
  }
}
