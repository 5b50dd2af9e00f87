import type { ProcessEntry, ProcessId } from './process-entry.ts'

const NONE: readonly ProcessEntry[] = []

/** All processes of the machine that this user may see, as one look found them. Lookups are O(what they return). */
export class ProcessSnapshot {
  readonly entries: ReadonlyMap<number, ProcessEntry>
  #children: Map<number, ProcessEntry[]> | undefined
  #groups: Map<number, ProcessEntry[]> | undefined
  #sessions: Map<number, ProcessEntry[]> | undefined
  #marked: Map<string, ProcessEntry[]> | undefined

  constructor(entries: Iterable<ProcessEntry>) {
    const byPid = new Map<number, ProcessEntry>()
    for (const entry of entries) byPid.set(entry.pid, entry)
    this.entries = byPid
  }

  get(pid: number): ProcessEntry | undefined {
    return this.entries.get(pid)
  }

  /** The process if it is there still, and alive. */
  find({ pid, startTime }: ProcessId): ProcessEntry | undefined {
    const entry = this.entries.get(pid)
    return entry?.alive && entry.startTime === startTime ? entry : undefined
  }

  /** Live children of a process. */
  childrenOf(pid: number): readonly ProcessEntry[] {
    return (this.#children ??= this.#index((entry) => entry.ppid)).get(pid) ?? NONE
  }

  /** Live members of a process group. */
  groupOf(pgid: number): readonly ProcessEntry[] {
    return (this.#groups ??= this.#index((entry) => entry.pgid)).get(pgid) ?? NONE
  }

  /** Live members of a terminal session. */
  sessionOf(sid: number): readonly ProcessEntry[] {
    return (this.#sessions ??= this.#index((entry) => entry.sid)).get(sid) ?? NONE
  }

  /**
   * Live processes that carry this mark, or one that begins with it and a `/`: those of a session that a greenroom inside of this
   * session started.
   */
  marked(marker: string): readonly ProcessEntry[] {
    this.#marked ??= this.#indexMarks()
    return this.#marked.get(marker) ?? NONE
  }

  #index(key: (entry: ProcessEntry) => number): Map<number, ProcessEntry[]> {
    const index = new Map<number, ProcessEntry[]>()
    for (const entry of this.entries.values()) {
      if (entry.alive) push(index, key(entry), entry)
    }
    return index
  }

  #indexMarks(): Map<string, ProcessEntry[]> {
    const index = new Map<string, ProcessEntry[]>()
    for (const entry of this.entries.values()) {
      const { marker } = entry
      if (marker === undefined || !entry.alive) continue
      for (let end = marker.indexOf('/'); end !== -1; end = marker.indexOf('/', end + 1)) push(index, marker.slice(0, end), entry)
      push(index, marker, entry)
    }
    return index
  }
}

function push<Key>(index: Map<Key, ProcessEntry[]>, key: Key, entry: ProcessEntry): void {
  const list = index.get(key)
  if (list) list.push(entry)
  else index.set(key, [entry])
}
