import { closeSync, openSync, readSync } from 'node:fs'
import { parseStat, type StatLine } from './stat-line.ts'

/** Longer than any such line. */
const LONGEST_LINE = 4_096
const buffer = Buffer.allocUnsafe(LONGEST_LINE)

/**
 * /proc/PID/stat of many processes, read again and again through descriptors that are kept: that is half the work of opening each
 * anew, and such a descriptor never shows another process that got the same number. At most `most` are kept; beyond that, files are opened
 * for each reading.
 */
export class StatFiles {
  readonly #root: string
  readonly #most: number
  readonly #descriptors = new Map<number, number>()

  constructor(root: string, most: number) {
    this.#root = root
    this.#most = most
  }

  /** How many descriptors are open. */
  get size(): number {
    return this.#descriptors.size
  }

  /**
   * `undefined` when the process has ended.
   * @throws what keeps it from being read, such as EMFILE and EACCES.
   */
  read(pid: number): StatLine | undefined {
    const kept = this.#descriptors.get(pid)
    if (kept !== undefined) {
      const line = readLine(kept)
      if (line && !line.ended) return line
      // Either nobody has this number now, or another process does.
      this.forget(pid)
    }
    return this.#open(pid)
  }

  forget(pid: number): void {
    const descriptor = this.#descriptors.get(pid)
    if (descriptor === undefined) return
    this.#descriptors.delete(pid)
    closeSync(descriptor)
  }

  close(): void {
    for (const pid of [...this.#descriptors.keys()]) this.forget(pid)
  }

  #open(pid: number): StatLine | undefined {
    let descriptor: number
    try {
      descriptor = openSync(`${this.#root}/${pid}/stat`, 'r')
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
    let line: StatLine | undefined
    try {
      line = readLine(descriptor)
    } finally {
      if (line && !line.ended && this.#descriptors.size < this.#most) this.#descriptors.set(pid, descriptor)
      else closeSync(descriptor)
    }
    return line?.ended ? undefined : line
  }
}

function readLine(descriptor: number): StatLine | undefined {
  try {
    return parseStat(buffer, readSync(descriptor, buffer, 0, LONGEST_LINE, 0))
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR'
}
