import type { Clock } from '../../contracts/clock.ts'
import { endTree, type TreeEnd } from './end-tree.ts'
import { findTree } from './find-tree.ts'
import type { ProcessId, TreeSeed } from './process-entry.ts'
import type { ProcessTable } from './process-table.ts'
import { signalEntries } from './signal-tree.ts'

export interface SessionTreeOptions {
  readonly table: ProcessTable
  readonly clock: Clock
  /** What is known of the tree's root at this moment: whether its id and its group are still its own changes with time. */
  readonly seed: () => TreeSeed
  /** Kills the whole tree by means of the system (cgroup.kill), in addition. */
  readonly killGroup?: () => void
}

/** The tree of one session: what was ever seen of it, and its end. */
export class SessionTree {
  readonly #options: SessionTreeOptions
  readonly #known = new Map<number, ProcessId>()

  constructor(options: SessionTreeOptions) {
    this.#options = options
  }

  /** Takes note of the descendants that parent links lead to now. Costs some 0.1 ms, however many processes there are. */
  async note(): Promise<void> {
    const { table, seed } = this.#options
    const { pid } = seed()
    if (pid === undefined) return
    try {
      this.#remember(await table.descendantsOf(pid, () => seed().ownsPid === true))
    } catch {
      // Nothing is known then beyond what the looks of the end find.
    }
  }

  /** Sends a signal to all live members that are not in the root's group, which is signalled by its number. Never rejects. */
  async signalEscaped(signal: NodeJS.Signals): Promise<void> {
    const { table, seed } = this.#options
    try {
      const snapshot = await table.look()
      const members = findTree(snapshot, seed(), this.#known.values())
      this.#remember(members)
      signalEntries(members.filter(({ pgid }) => pgid !== seed().pid), signal, snapshot, table)
    } catch {
      // Nothing can be seen now. What is left gets SIGKILL in the end; were it not seen then either, that is reported.
    }
  }

  /** SIGKILLs all, and looks until nobody is left or the bound is reached. Never rejects. */
  end(boundMs: number): Promise<TreeEnd> {
    const { table, clock, seed, killGroup } = this.#options
    return endTree(seed, { table, clock, boundMs, known: this.#known.values(), killGroup })
  }

  #remember(ids: Iterable<ProcessId>): void {
    for (const { pid, startTime } of ids) this.#known.set(pid, { pid, startTime })
  }
}
