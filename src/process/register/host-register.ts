import type { Clock, Timer } from '../../contracts/clock.ts'
import { hostMarker } from '../marker.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import { type HostId, newHostId } from './host-id.ts'
import { HostRecord } from './host-record.ts'
import { reap } from './reaper.ts'

/** How often leftovers of other hosts are looked for: they may die while this one lives. */
const REAP_EVERY_MS = 60_000

type Report = (problem: unknown, where: string) => void

export interface RegisterOptions {
  /** Where the records of all hosts of this user are. It is made when it is missing. */
  readonly folder: string
  readonly table: ProcessTable
  readonly clock: Clock
  /** Hears of what could not be reaped or written. */
  readonly report: Report
}

/** One host's part of the register of live sessions; all pools of the host share it. */
export class HostRegister {
  readonly #folder: string
  readonly #table: ProcessTable
  readonly #clock: Clock
  readonly #id: HostId
  readonly #record: HostRecord
  readonly #reports = new Set<Report>()
  #complained = false
  #next: Timer | undefined
  #closed = false

  /** @throws what the system says when the record can't be written. */
  constructor({ folder, table, clock }: RegisterOptions, self: ProcessId) {
    this.#folder = folder
    this.#table = table
    this.#clock = clock
    this.#id = newHostId(self)
    this.#record = new HostRecord(folder, { id: this.#id, marker: hostMarker(), onProblem: (problem) => this.#complain(problem) })
    void this.#reap()
  }

  /** The record's file: whoever has ended all trees of this host after its death may remove it. */
  get path(): string {
    return this.#record.path
  }

  /** A session's process was started. */
  opened(root: ProcessId): void {
    this.#record.add(root)
  }

  /** None of its tree is left. */
  closed(root: ProcessId): void {
    this.#record.remove(root)
  }

  attach(report: Report): void {
    this.#reports.add(report)
  }

  /** True when nobody uses it any more. */
  detach(report: Report): boolean {
    this.#reports.delete(report)
    return this.#reports.size === 0
  }

  close(): void {
    this.#closed = true
    this.#next?.cancel()
    try {
      this.#record.close()
    } catch (problem) {
      this.#complain(problem)
    }
  }

  async #reap(): Promise<void> {
    const report: Report = (problem, where) => {
      if (!this.#closed) for (const hear of this.#reports) hear(problem, where)
    }
    await reap({ folder: this.#folder, self: this.#id, marker: hostMarker(), table: this.#table, clock: this.#clock, report })
    if (this.#closed) return
    this.#next = this.#clock.setTimer(() => {
      this.#record.touch(new Date(this.#clock.wallTime()))
      void this.#reap()
    }, REAP_EVERY_MS, { background: true })
  }

  /** Once: a disk that is full stays so. */
  #complain(problem: unknown): void {
    if (this.#complained) return
    this.#complained = true
    for (const hear of this.#reports) hear(problem, 'writing the record of live sessions: a later start may not find what a crash of this one leaves behind')
  }
}
