import { closeSync, fstatSync, futimesSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isSame, type ProcessId } from '../tree/process-entry.ts'
import { formatHostId, type HostId } from './host-id.ts'

/** Lines from which on a record may be worth writing anew. */
const COMPACT_LINES = 512
/** … when at most this part of them is still of use. */
const COMPACT_SHARE = 4

const VERSION = 1

/** How the name of a record that is being written ends. */
export const DRAFT = '.new'

export interface RecordContent {
  /** What the marks of all sessions of that host begin with. */
  readonly marker: string
  /** Roots of trees that were not known to be gone. */
  readonly roots: readonly ProcessId[]
}

/**
 * What a host leaves to its successors: a file whose name says who the host is, so that there is no moment in which a record has no owner;
 * in it the mark of the host, and the process of every session that may live. The mark alone finds nearly all: it is there before the first
 * session is started. What is added is appended in one small write per microtask round.
 */
export class HostRecord {
  readonly path: string
  readonly #marker: string
  readonly #onProblem: (problem: unknown) => void
  readonly #live = new Map<number, ProcessId>()
  #descriptor: number
  #lines = 0
  #pending: string[] = []
  #closed = false

  /** @throws what the system says when the file can't be written. */
  constructor(folder: string, { id, marker, onProblem }: { id: HostId; marker: string; onProblem: (problem: unknown) => void }) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.path = join(folder, formatHostId(id))
    this.#marker = marker
    this.#onProblem = onProblem
    this.#descriptor = this.#create()
  }

  /** A session's process was started. */
  add(root: ProcessId): void {
    this.#live.set(root.pid, root)
    this.#append(`+${root.pid} ${root.startTime}\n`)
  }

  /** None of its tree is left. */
  remove(root: ProcessId): void {
    const known = this.#live.get(root.pid)
    if (!known || !isSame(known, root)) return
    this.#live.delete(root.pid)
    this.#append(`-${root.pid} ${root.startTime}\n`)
  }

  /** Says that the host is alive, also to those who can't see its process; and makes sure that the file is there still. */
  touch(now: Date): void {
    try {
      if (fstatSync(this.#descriptor).nlink === 0) this.#rewrite()
      futimesSync(this.#descriptor, now, now)
    } catch (problem) {
      this.#onProblem(problem)
    }
  }

  /** For a host that uses processes no more. What may live still stays on record. */
  close(): void {
    this.#flush()
    this.#closed = true
    closeSync(this.#descriptor)
    if (this.#live.size === 0) rmSync(this.path, { force: true })
  }

  #append(line: string): void {
    if (this.#closed) return
    if (this.#pending.push(line) === 1) queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#pending.length === 0 || this.#closed) return
    try {
      const lines = this.#pending
      this.#pending = []
      this.#lines += lines.length
      if (this.#lines > COMPACT_LINES && this.#lines > COMPACT_SHARE * this.#live.size) this.#rewrite()
      else writeSync(this.#descriptor, lines.join(''))
    } catch (problem) {
      this.#onProblem(problem)
    }
  }

  #rewrite(): void {
    const before = this.#descriptor
    this.#descriptor = this.#create()
    closeSync(before)
  }

  /** Written under another name first: whoever reads it sees a whole one. */
  #create(): number {
    const text = `greenroom ${VERSION} ${this.#marker}\n${[...this.#live.values()].map(({ pid, startTime }) => `+${pid} ${startTime}\n`).join('')}`
    const draft = this.path + DRAFT
    const descriptor = openSync(draft, 'w', 0o600)
    try {
      writeSync(descriptor, text)
      renameSync(draft, this.path)
    } catch (problem) {
      closeSync(descriptor)
      throw problem
    }
    this.#lines = this.#live.size
    return descriptor
  }
}

/** What a record says; `undefined` when it is none, or of a version that is not known. A line that was cut off is left out. */
export function readRecord(path: string): RecordContent | undefined {
  const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n')
  const header = /^greenroom (\d+) (\S+)$/.exec(first)
  if (Number(header?.[1]) !== VERSION) return undefined
  const roots = new Map<number, ProcessId>()
  // What follows the last newline is empty, or was cut off.
  for (const line of lines.slice(0, -1)) {
    const [, sign, pid, startTime] = /^([+-])(\d+) (\d+)$/.exec(line) ?? []
    if (sign === '+') roots.set(Number(pid), { pid: Number(pid), startTime: Number(startTime) })
    else if (sign === '-') roots.delete(Number(pid))
  }
  return { marker: header![2]!, roots: [...roots.values()] }
}
