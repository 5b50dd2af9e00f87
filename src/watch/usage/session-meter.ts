import type { ProcessUsage, Usage } from '../../contracts/index.ts'
import { CpuMeter } from './cpu-meter.ts'

/** What was found of one session's processes in one sweep. */
export interface TreeReading {
  /** What could be read, by pid. */
  readonly processes: ReadonlyMap<number, ProcessUsage>
  /** False when one lives that could not be read: then no sum is known. */
  readonly complete: boolean
  /** Whether descendants can be found here, so that the processes are all there are. */
  readonly counted: boolean
}

interface Proportional {
  readonly bytes: number
  readonly residentBytes: number
  readonly at: number
}

/** Makes one session's figures from what was read of its processes (INV 27: unknown stays unknown). */
export class SessionMeter {
  readonly #cpu = new CpuMeter()
  #proportional: Proportional | undefined
  residentBytes: number | undefined

  /** The figures of this sweep. */
  measure({ processes, complete, counted }: TreeReading, now: number): Usage {
    this.residentBytes = complete ? sum(processes, 'memoryBytes') : undefined
    const cpuPercent = complete ? (sum(processes, 'cpuPercent') ?? this.#cpu.measure(processes, now)) : undefined
    // Not by spreading: this is done for every session in every sweep.
    const usage: { -readonly [Figure in keyof Usage]: Usage[Figure] } = {}
    if (this.residentBytes !== undefined) usage.memoryBytes = this.residentBytes
    if (cpuPercent !== undefined) usage.cpuPercent = cpuPercent
    if (counted && complete) usage.processes = processes.size
    return usage
  }

  /** The proportional memory was measured just now; `undefined`: it could not be. */
  noteProportional(bytes: number | undefined, now: number): void {
    this.#proportional = bytes === undefined ? undefined : { bytes, residentBytes: this.residentBytes ?? bytes, at: now }
  }

  /** The last known proportional memory, unless it is older than `maxAgeMs`. */
  proportionalBytes(now: number, maxAgeMs: number): number | undefined {
    return this.#proportional && now - this.#proportional.at <= maxAgeMs ? this.#proportional.bytes : undefined
  }

  /** What the proportional memory has become at most since it was measured, if nobody stopped sharing pages with it. */
  proportionalAtMost(now: number, maxAgeMs: number): number {
    const resident = this.residentBytes ?? Infinity
    const last = this.#proportional
    if (!last || now - last.at > maxAgeMs) return resident
    return Math.min(resident, last.bytes + Math.max(0, resident - last.residentBytes))
  }
}

/** Over all processes; `undefined` as soon as one is unknown, or nobody is there. */
function sum(processes: ReadonlyMap<number, ProcessUsage>, figure: 'memoryBytes' | 'cpuPercent'): number | undefined {
  let total: number | undefined
  for (const usage of processes.values()) {
    const value = usage[figure]
    if (value === undefined) return undefined
    total = (total ?? 0) + value
  }
  return total
}
