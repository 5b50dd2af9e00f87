import type { Clock } from '../../contracts/clock.ts'
import { findTree } from './find-tree.ts'
import type { ProcessEntry, ProcessId, TreeSeed } from './process-entry.ts'
import type { ProcessSnapshot } from './process-snapshot.ts'
import type { ProcessTable } from './process-table.ts'
import { signalEntries } from './signal-tree.ts'

/** Between a kill and the next look. */
const FIRST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 200
/** Looks for one freeze. */
const FREEZES = 20

export interface EndTreeOptions {
  readonly table: ProcessTable
  readonly clock: Clock
  /** When to give up. One attempt is always made. */
  readonly boundMs: number
  /** Members that are known already, found by earlier looks. */
  readonly known?: Iterable<ProcessId>
  /** Kills the whole tree by means of the system (cgroup.kill), in addition; called before each round. What it throws is ignored. */
  readonly killGroup?: (() => void) | undefined
}

export interface TreeEnd {
  /** How many processes were seen alive, and are no more. */
  readonly ended: number
  /** Those that are there still. Empty is the proof that none is, unless `problem` says otherwise. */
  readonly left: readonly ProcessEntry[]
  /** Why it can't be said whether any is left. */
  readonly problem?: unknown
}

/**
 * SIGKILLs a whole tree: looks, kills, looks again, until nobody is alive or the bound is reached. A tree that grows while it is killed is
 * frozen first: what is stopped can't fork. `seed` is asked after each look: what is known of the root changes meanwhile. Never rejects.
 */
export async function endTree(seed: () => TreeSeed, options: EndTreeOptions): Promise<TreeEnd> {
  const { clock, boundMs, killGroup } = options
  const deadline = clock.now() + boundMs
  const tree = new Tree(seed, options)
  let pauseMs = FIRST_PAUSE_MS
  for (let round = 0; ; round++) {
    const before = tree.seen.size
    const problem = await tree.look()
    if (problem === undefined && tree.left.length === 0) return { ended: tree.seen.size, left: [] }
    const late = clock.now() >= deadline
    if (late && round > 0) {
      return { ended: tree.seen.size - tree.left.length, left: tree.left, ...(problem !== undefined && { problem }) }
    }

    const grew = round > 0 && tree.seen.size > before
    if (grew) await tree.freeze()
    attempt(killGroup)
    tree.signal('SIGKILL')
    await pause(clock, pauseMs)
    pauseMs = grew ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
  }
}

class Tree {
  /** All that were seen alive, by pid and start time. */
  readonly seen = new Map<string, ProcessId>()
  left: ProcessEntry[] = []
  readonly #seed: () => TreeSeed
  readonly #table: ProcessTable
  readonly #known: readonly ProcessId[]
  #snapshot: ProcessSnapshot | undefined

  constructor(seed: () => TreeSeed, { table, known = [] }: EndTreeOptions) {
    this.#seed = seed
    this.#table = table
    this.#known = [...known]
  }

  /** What went wrong, when nothing could be seen. */
  async look(): Promise<unknown> {
    try {
      this.#snapshot = await this.#table.look()
    } catch (problem) {
      return problem ?? new Error('the processes could not be listed')
    }
    this.left = findTree(this.#snapshot, this.#seed(), [...this.#known, ...this.seen.values()])
    for (const { pid, startTime } of this.left) this.seen.set(`${pid} ${startTime}`, { pid, startTime })
    return undefined
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#snapshot) signalEntries(this.left, signal, this.#snapshot, this.#table)
  }

  async freeze(): Promise<void> {
    for (let round = 0; round < FREEZES; round++) {
      this.signal('SIGSTOP')
      if ((await this.look()) !== undefined || this.left.every(({ stopped }) => stopped)) return
    }
  }
}

function attempt(action: (() => void) | undefined): void {
  try {
    action?.()
  } catch {
    // It is an aid: what it did not reach is killed one by one.
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(resolve, ms))
}
