import { readFileSync } from 'node:fs'
import type { Clock } from '../../contracts/clock.ts'
import { nextTurn } from './next-turn.ts'
import { ProcReader, type ProcessReader } from './proc-reader.ts'
import type { ProcessId } from './process-entry.ts'
import { ProcessSnapshot } from './process-snapshot.ts'
import { PsReader } from './ps-reader.ts'

/** A look is followed by a rest of this many times its own duration, at most so long: looking takes a fifth of a core at most. */
const REST = 4
const LONGEST_REST_MS = 250

/** Walks from parent to child made in one turn of the event loop. */
const WALKS_A_TURN = 16

/** Which processes there are. One table serves a whole host: those who want to look at the same time share one look. */
export class ProcessTable {
  readonly #clock: Clock
  readonly #reader: ProcessReader | undefined
  readonly #rest: number
  #begun: Promise<unknown> = Promise.resolve()
  #next: Promise<ProcessSnapshot> | undefined
  #restUntil = -Infinity
  #walks = 0
  #walkTurn: Promise<void> | undefined

  /** `restless`: looks follow each other at once, for a process that has nothing else to do. */
  constructor({ clock, reader = systemReader(clock), restless = false }: { clock: Clock; reader?: ProcessReader | undefined; restless?: boolean }) {
    this.#clock = clock
    this.#reader = reader
    this.#rest = restless ? 0 : REST
  }

  /** What this system does not let greenroom see of process trees, for people. Nothing is perfect: it is never empty. */
  limitations(): readonly string[] {
    return this.#reader?.limitations ?? ['the processes of this system can not be listed: only the process of a session itself is ended, not its descendants']
  }

  /** False where processes can't be listed at all: every look is empty then. */
  get sees(): boolean {
    return this.#reader !== undefined
  }

  /**
   * A look at all processes that begins after this call; shared by all who ask before it begins. It reads some hundred processes
   * per turn of the event loop.
   * @throws what keeps it from seeing, such as too many open files: "unknown" is never given out as "none".
   */
  look(): Promise<ProcessSnapshot> {
    return (this.#next ??= this.#look())
  }

  /** The same within this call, for a host that is about to exit. Empty where that is not possible. */
  lookNow(): ProcessSnapshot {
    return new ProcessSnapshot(this.#reader?.readNow?.() ?? [])
  }

  /** Which process has this id now, where that can be read cheaply. */
  identify(pid: number): ProcessId | undefined {
    return this.#reader?.readOne?.(pid)
  }

  /** True unless it is known for sure that the process is gone or its id is another's. */
  mayBe({ pid, startTime }: ProcessId): boolean {
    return this.#reader?.readOne === undefined || this.#reader.readOne(pid)?.startTime === startTime
  }

  /**
   * The live descendants that parent links lead to, read without a look at all processes (some 0.1 ms), a few askers per turn of the event
   * loop. `isOurs` is asked just before. Empty where this system has no such means.
   */
  async descendantsOf(pid: number, isOurs: () => boolean): Promise<ProcessId[]> {
    if (!this.#reader?.descendantsOf) return []
    while (this.#walks >= WALKS_A_TURN) await this.#walkTurn
    this.#walks++
    this.#walkTurn ??= nextTurn().then(() => {
      this.#walks = 0
      this.#walkTurn = undefined
    })
    return isOurs() ? this.#reader.descendantsOf(pid) : []
  }

  async #look(): Promise<ProcessSnapshot> {
    // All who ask before the begin share this promise; who asks later, gets the next.
    await this.#begun
    const rest = this.#restUntil - this.#clock.now()
    if (rest > 0) await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, rest))
    else await nextTurn()
    const look = this.#read()
    this.#begun = look.catch(() => undefined)
    this.#next = undefined
    return look
  }

  async #read(): Promise<ProcessSnapshot> {
    const startedAt = this.#clock.now()
    try {
      return new ProcessSnapshot((await this.#reader?.read()) ?? [])
    } finally {
      const now = this.#clock.now()
      this.#restUntil = now + Math.min(LONGEST_REST_MS, this.#rest * (now - startedAt))
    }
  }
}

const hostTables = new WeakMap<Clock, ProcessTable>()

/** The table that all who live by this clock share. */
export function hostTable(clock: Clock): ProcessTable {
  let table = hostTables.get(clock)
  if (!table) hostTables.set(clock, (table = new ProcessTable({ clock })))
  return table
}

/** How this system lets processes be listed; `undefined` when it doesn't. */
export function systemReader(clock: Clock): ProcessReader | undefined {
  if (process.platform === 'win32') return undefined
  try {
    readFileSync('/proc/self/stat')
    return new ProcReader()
  } catch {
    return new PsReader(clock)
  }
}
