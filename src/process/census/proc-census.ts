import { readdirSync } from 'node:fs'
import { SESSION_MARKER } from '../marker.ts'
import { nextTurn } from '../tree/next-turn.ts'
import { readStat, readVariable, type ProcStat } from '../tree/proc-files.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import type { Census, CensusMember, CensusSeed } from './census.ts'

/** Processes read in one turn of the event loop: some 2 to 4 ms. */
const SLICE = 96
/** Each known process is looked at again once in so many censuses: its number may have become another's between two of them. */
const ROUNDS = 60
/** PF_KTHREAD: a thread of the kernel, which has no environment. */
const KERNEL_THREAD = 0x00200000

/** A process that was seen, and to whom it belongs. */
interface Seen extends CensusMember {
  readonly ppid: number
  readonly alive: boolean
  readonly marker: string | undefined
  owner: CensusSeed | undefined
  /** The last census in which it was there. */
  round: number
}

/**
 * By /proc, at the cost of what is new: each census lists the numbers of all processes (1 ms for a thousand) and reads those that were
 * not there in the one before (0.05 ms each). Whose a process is, is found out once: by the mark in its environment, by its group, by its
 * parent; so that one that leaves its group, clears its environment or loses its parent afterwards stays in.
 */
export class ProcCensus implements Census {
  readonly #root: string
  readonly #seen = new Map<number, Seen>()
  #round = 0

  constructor(root = '/proc') {
    this.#root = root
  }

  async take<Seed extends CensusSeed>(seeds: readonly Seed[]): Promise<Map<Seed, CensusMember[]>> {
    this.#round++
    const owners = new Owners(seeds)
    await this.#readNew(owners)
    this.#forgetGone()
    this.#assign(owners)

    const members = new Map<Seed, CensusMember[]>(seeds.map((seed) => [seed, []]))
    for (const process of this.#seen.values()) {
      const list = process.alive && process.owner ? members.get(process.owner as Seed) : undefined
      if (!list) continue
      list.push(process)
      if (process.pid === process.owner!.pid) [list[0], list[list.length - 1]] = [list.at(-1)!, list[0]!]
    }
    return members
  }

  mayLive({ pid, startTime }: ProcessId): boolean {
    const stat = readStat(pid, this.#root)
    const lives = stat !== undefined && isAlive(stat) && stat.startTime === startTime
    if (!lives) this.#seen.delete(pid)
    return lives
  }

  async #readNew(owners: Owners): Promise<void> {
    let reads = 0
    for (const name of readdirSync(this.#root)) {
      const pid = numberOf(name)
      if (pid === undefined) continue
      const seen = this.#seen.get(pid)
      if (seen) seen.round = this.#round
      const root = owners.byPid.get(pid)
      const settled = seen && (!root || seen.owner === root) && (pid + this.#round) % ROUNDS !== 0
      if (settled) continue
      if (++reads % SLICE === 0) await nextTurn()
      this.#read(pid, seen)
    }
  }

  #read(pid: number, before: Seen | undefined): void {
    const stat = readStat(pid, this.#root)
    if (!stat) return void this.#seen.delete(pid)
    const { startTime, pgid, ppid } = stat
    const same = before?.startTime === startTime ? before : undefined
    const alive = isAlive(stat)
    // A mark stays; one without a mark may have been looked at in the moment in which its program was loaded.
    const marker = same?.marker ?? (alive ? this.#markerOf(pid, stat) : undefined)
    this.#seen.set(pid, { pid, startTime, pgid, ppid, alive, marker, owner: same?.owner, round: this.#round })
  }

  #markerOf(pid: number, { flags }: ProcStat): string | undefined {
    if (flags & KERNEL_THREAD) return undefined
    const variable = readVariable(pid, SESSION_MARKER, this.#root)
    return variable === 'unreadable' || variable.value === '' ? undefined : variable.value
  }

  #forgetGone(): void {
    for (const [pid, { round }] of this.#seen) if (round !== this.#round) this.#seen.delete(pid)
  }

  /** Repeated until nothing more is found: a process may have been listed before the parent through which it belongs. */
  #assign(owners: Owners): void {
    let open = [...this.#seen.values()].filter((process) => process.alive && !owners.has(process.owner))
    for (let before = -1; open.length !== before;) {
      before = open.length
      open = open.filter((process) => (process.owner = this.#ownerOf(process, owners)) === undefined)
    }
  }

  #ownerOf({ pid, pgid, ppid, marker, startTime }: Seen, owners: Owners): CensusSeed | undefined {
    const root = owners.byPid.get(pid)
    if (root) return root
    if (marker !== undefined) {
      const owner = owners.byMarker(marker)
      if (owner) return owner
    }
    const leader = owners.byPid.get(pgid)
    if (leader) return leader
    for (const relative of [this.#seen.get(pgid), this.#seen.get(ppid)]) {
      // A child is never older than its parent: where one seems to be, the parent's number is another's by now.
      if (relative && relative.startTime <= startTime && owners.has(relative.owner)) return relative.owner
    }
    return undefined
  }
}

/** The sessions of one census, found by what their processes have of them. */
class Owners {
  readonly byPid = new Map<number, CensusSeed>()
  readonly #byMarker = new Map<string, CensusSeed>()
  readonly #all: ReadonlySet<CensusSeed>

  constructor(seeds: readonly CensusSeed[]) {
    this.#all = new Set(seeds)
    for (const seed of seeds) {
      this.byPid.set(seed.pid, seed)
      this.#byMarker.set(seed.marker, seed)
    }
  }

  has(owner: CensusSeed | undefined): boolean {
    return owner !== undefined && this.#all.has(owner)
  }

  /** Whose mark it is, or whose it begins with: sessions within a session belong to the outer one, too. */
  byMarker(marker: string): CensusSeed | undefined {
    for (let end = marker.length; end > 0; end = marker.lastIndexOf('/', end - 1)) {
      const owner = this.#byMarker.get(marker.slice(0, end))
      if (owner) return owner
    }
    return undefined
  }
}

/** `undefined` for entries of /proc that are no processes. */
function numberOf(name: string): number | undefined {
  const first = name.charCodeAt(0)
  return first >= 0x31 && first <= 0x39 ? Number(name) : undefined
}

function isAlive({ state }: ProcStat): boolean {
  return state !== 'Z' && state !== 'X' && state !== 'x'
}
