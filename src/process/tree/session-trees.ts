import type { Clock } from '../../contracts/clock.ts'
import { messageOf } from '../../contracts/errors.ts'
import { endTree, type TreeEnd } from './end-tree.ts'
import { guardExit } from '../exit-guard.ts'
import type { ProcessId, TreeSeed } from './process-entry.ts'
import type { ProcessTable } from './process-table.ts'
import { SessionTree } from './session-tree.ts'

/** How long the tree of a session that is gone may take to end, before that is reported. */
const BOUND_MS = 10_000

/** Takes note of which trees may live, for whoever has to end them if this host can't. */
export interface TreeLedger {
  opened(root: ProcessId): void
  /** None of it is left. */
  closed(root: ProcessId): void
}

export interface Sapling {
  readonly pid: number
  /** Absent where it can't be read cheaply: it is found out by a look then. */
  readonly startTime: number | undefined
  readonly marker: string
  /** Whether its id and its group are still its own, at this moment. */
  readonly owns: () => Required<Pick<TreeSeed, 'ownsPid' | 'ownsGroup'>>
  /** SIGKILLs what can be reached at once, for a host that exits. */
  readonly kill: () => void
  /** Kills the whole tree by means of the system (cgroup.kill), in addition. */
  readonly killGroup?: () => void
}

interface Planted {
  root: ProcessId | undefined
  readonly guard: { release(): void }
}

export interface SessionTreesOptions {
  readonly table: ProcessTable
  readonly clock: Clock
  /** What the marks of all these sessions begin with. */
  readonly marker: string
  /** Hears of what could not be ended. */
  readonly report: (problem: Error, where: string) => void
  readonly ledger?: TreeLedger | undefined
}

/** The trees of all sessions of one spawner. */
export class SessionTrees {
  readonly #options: SessionTreesOptions
  readonly #planted = new Map<SessionTree, Planted>()
  readonly #ending = new Set<Promise<void>>()
  #count = 0

  constructor(options: SessionTreesOptions) {
    this.#options = options
  }

  /** A mark that no session ever had. */
  newMarker(): string {
    return `${this.#options.marker}/${++this.#count}`
  }

  /** The tree of a session that was just started. It has to be given to `end` once its session is gone. */
  plant({ pid, startTime, marker, owns, kill, killGroup }: Sapling): SessionTree {
    const { table, clock, ledger } = this.#options
    const planted: Planted = { root: undefined, guard: guardExit(kill, table) }
    const settle = (root: ProcessId): void => {
      planted.root = root
      ledger?.opened(root)
    }
    if (startTime !== undefined) settle({ pid, startTime })
    else void this.#identify(pid).then((root) => root && owns().ownsPid && settle(root))
    const seed = (): TreeSeed => ({ pid, startTime: planted.root?.startTime, marker, ...owns() })
    const tree = new SessionTree({ table, clock, seed, ...(killGroup && { killGroup }) })
    this.#planted.set(tree, planted)
    return tree
  }

  /** Ends a tree whose session is gone; what is left of it in the end is reported. Never rejects. */
  end(tree: SessionTree): Promise<void> {
    const ending = tree.end(BOUND_MS).then((end) => {
      this.#reportLeft(end, 'ending the processes a session left behind')
      if (end.left.length === 0) this.#forget(tree)
    })
    this.#ending.add(ending)
    return ending.finally(() => this.#ending.delete(ending))
  }

  /** Waits for the trees that are being ended, and makes sure that no process has a mark of this spawner. Never rejects. */
  async clear(boundMs: number): Promise<void> {
    const { table, clock, marker } = this.#options
    if (this.#count === 0) return
    const deadline = clock.now() + boundMs
    await within(boundMs, Promise.all(this.#ending), clock)
    this.#reportLeft(await endTree(() => ({ marker }), { table, clock, boundMs: Math.max(0, deadline - clock.now()) }), 'the last look after the end of all sessions')
  }

  #forget(tree: SessionTree): void {
    const planted = this.#planted.get(tree)
    this.#planted.delete(tree)
    planted?.guard.release()
    if (planted?.root) this.#options.ledger?.closed(planted.root)
  }

  async #identify(pid: number): Promise<ProcessId | undefined> {
    try {
      return (await this.#options.table.look()).get(pid)
    } catch {
      // It is known by its id as long as that can't be another's.
      return undefined
    }
  }

  #reportLeft({ left, problem }: TreeEnd, where: string): void {
    const { report } = this.#options
    if (problem !== undefined) report(new Error(`it can't be said whether any process is left: ${messageOf(problem)}`, { cause: problem }), where)
    if (left.length === 0) return
    const ids = left.map(({ pid }) => pid).join(', ')
    report(new Error(`${left.length} ${left.length === 1 ? 'process does' : 'processes do'} not end, not even by SIGKILL: ${ids}`), where)
  }
}

function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, ms)
    void work.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
