import { readFileSync } from 'node:fs'
import { messageOf, type Clock, type ProcessUsage, type UsageSampler } from 'greenroom/kit'
import { proportionalMemory } from './proportional-memory.ts'
import { StatFiles } from './stat-files.ts'
import type { StatLine } from './stat-line.ts'
import { readUnits, type SystemUnits } from './system-units.ts'

/** Reading goes on in the next turn of the event loop after so many milliseconds; and how many are read between two looks at the clock. */
const SLICE_MS = 4
const LOOK_EVERY = 32

/** By how much two readings of the system's uptime may differ: it is counted in steps of 10 ms. */
const LEAST_DOUBT_MS = 50

type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

export interface ProcfsSamplerOptions {
  readonly clock: Clock
  /** Descriptors kept open at most. */
  readonly descriptors: number
  readonly report: (problem: unknown, where: string) => void
  readonly root?: string
}

/** Reads /proc/PID/stat of all processes in one sweep, which takes some 0.012 ms a process, in slices that leave the host time to work. */
export class ProcfsSampler implements UsageSampler {
  readonly #clock: Clock
  readonly #report: (problem: unknown, where: string) => void
  readonly #root: string
  readonly #units: SystemUnits
  readonly #files: StatFiles
  #failing = false

  constructor({ clock, descriptors, report, root = '/proc' }: ProcfsSamplerOptions) {
    this.#clock = clock
    this.#report = report
    this.#root = root
    this.#units = readUnits(root)
    this.#files = new StatFiles(root, descriptors)
  }

  async sample(pids: readonly number[]): Promise<Map<number, ProcessUsage>> {
    const usages = new Map<number, ProcessUsage>()
    let uptimeMs = this.#uptimeMs()
    let sliceEnds = this.#clock.now() + SLICE_MS
    let failure: unknown
    for (let n = 0; n < pids.length; n++) {
      if (n % LOOK_EVERY === 0 && this.#clock.now() >= sliceEnds) {
        await this.#nextTurn()
        sliceEnds = this.#clock.now() + SLICE_MS
        uptimeMs = this.#uptimeMs()
      }
      const pid = pids[n]!
      try {
        const line = this.#files.read(pid)
        if (line) usages.set(pid, this.#usageOf(line, uptimeMs))
      } catch (problem) {
        failure ??= problem
      }
    }
    this.#note(failure)
    return usages
  }

  proportional(pids: readonly number[]): Promise<Map<number, number>> {
    return proportionalMemory(pids, this.#root)
  }

  forget(pid: number): void {
    this.#files.forget(pid)
  }

  close(): void {
    this.#files.close()
  }

  /** Descriptors it holds. */
  get descriptors(): number {
    return this.#files.size
  }

  #usageOf({ ownTicks, endedTicks, startTime, residentPages }: StatLine, uptimeMs: number): ProcessUsage {
    const { bytesPerPage, ticksPerSecond } = this.#units
    const ms = (ticks: number): number => (ticks * 1_000) / ticksPerSecond
    const ageMs = uptimeMs - ms(startTime)
    const usage: Writable<ProcessUsage> = { cpuMs: ms(ownTicks), endedCpuMs: ms(endedTicks), startTime }
    // The counts of small processes may lag behind: unknown, not 0 (INV 27).
    if (residentPages > 0) usage.memoryBytes = residentPages * bytesPerPage
    // Some containers have a clock of their own in /proc/uptime: then nothing is known.
    if (ageMs > -LEAST_DOUBT_MS) usage.ageMs = Math.max(0, ageMs)
    return usage
  }

  #uptimeMs(): number {
    return Number.parseFloat(readFileSync(`${this.#root}/uptime`, 'latin1')) * 1_000
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(resolve, 0))
  }

  /** Said once, when it begins. */
  #note(failure: unknown): void {
    if (failure !== undefined && !this.#failing) this.#report(new Error(`some processes can not be measured: ${messageOf(failure)}`, { cause: failure }), 'the metrics procfs')
    this.#failing = failure !== undefined
  }
}
