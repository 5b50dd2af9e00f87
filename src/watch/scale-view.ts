import type { ScaleView } from '../contracts/index.ts'
import type { Capacity } from '../pool/capacity.ts'
import type { Roster } from '../pool/roster.ts'
import { sparesAskedFor } from '../pool/spares.ts'
import { countFreeing, type FreeingParts } from './freeing.ts'

interface Measured {
  readonly meanCpuPercent: number | undefined
  readonly totalCpuPercent: number | undefined
  readonly meanMemoryBytes: number | undefined
  readonly totalMemoryBytes: number | undefined
}

/** What a scaler sees. What takes a walk over all sessions is counted only for scalers that look, and once. */
export function scaleView(parts: FreeingParts & { readonly capacity: Capacity }): ScaleView {
  const { env, roster, line, capacity } = parts
  const { counts, staying, busy, idleBound, idleSpares, expiredSpares } = roster
  const { settings, statistics } = env
  const waiting = line.queued
  const shared = settings.isolation === 'none'
  // What was started for certain tenants is of no use to the others who wait: they would have it by now.
  const reserved = env.bindsAtSpawn && waiting > 0
  const measured = once(() => measure(roster))
  const freeing = once(() => countFreeing(parts))
  return {
    size: staying,
    starting: counts.starting,
    busy,
    idleBound: reserved ? counts.idle + roster.startingAhead : idleBound,
    idleSpare: reserved ? 0 : idleSpares,
    idleSpareFresh: reserved ? 0 : idleSpares - expiredSpares,
    checking: counts.checking,
    waiting,
    shared,
    get freeing() {
      return freeing()
    },
    get arrivals() {
      const { spare, resumed, started, 'same-tenant': sameTenant } = statistics.acquires
      return spare + resumed + started + (shared ? sameTenant : 0) + waiting
    },
    meanHoldMs: statistics.hold.value,
    meanStartMs: statistics.startMean.value,
    min: settings.size.min,
    max: capacity.max,
    spare: sparesAskedFor(settings.size, busy),
    get meanCpuPercent() {
      return measured().meanCpuPercent
    },
    get totalCpuPercent() {
      return measured().totalCpuPercent
    },
    get meanMemoryBytes() {
      return measured().meanMemoryBytes
    },
    get totalMemoryBytes() {
      return measured().totalMemoryBytes
    },
  }
}

/** INV 27: means and sums over what was measured; `undefined` where nothing was. */
function measure({ sessions }: Roster): Measured {
  const cpu: number[] = []
  const memory: number[] = []
  for (const { usage } of sessions.values()) {
    if (usage?.cpuPercent !== undefined) cpu.push(usage.cpuPercent)
    if (usage?.memoryBytes !== undefined) memory.push(usage.memoryBytes)
  }
  const [totalCpuPercent, totalMemoryBytes] = [sum(cpu), sum(memory)]
  return {
    meanCpuPercent: totalCpuPercent && totalCpuPercent / cpu.length,
    totalCpuPercent,
    meanMemoryBytes: totalMemoryBytes && totalMemoryBytes / memory.length,
    totalMemoryBytes,
  }
}

function sum(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0)
}

function once<T>(figureOut: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => (known ??= { value: figureOut() }).value
}
