import { definePlugin, duration, size, z, type Clock, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'
import { atLeastMin } from './parts/decision.ts'
import { Stabiliser } from './parts/stabiliser.ts'
import { sparesOf, workOf } from './parts/work.ts'

const options = z
  .strictObject({
    targetCpu: z.number().positive().default(70).describe('CPU of a session that is at full load, in percent of one core; the mean over all counts. Default 70.'),
    targetMemory: size({ min: 1 }).optional()
      .describe("Memory of a session that is at full load, in bytes or as text such as '500MB'; the mean over all counts. Default: memory says nothing of the load."),
    scaleUpThreshold: z.number().positive().max(1).default(0.8).describe('Load, from 0 to 1, above which the pool grows until it is back at it. Default 0.8.'),
    scaleDownThreshold: z.number().min(0).max(1).default(0.5).describe('Load below which it shrinks until it is back at it. Default 0.5.'),
    tolerance: z.number().min(0).max(1).default(0.1).describe('How far, as a share of it, the load must be beyond a threshold for anything to be done. Default 0.1.'),
    stabilization: duration().default(300_000).describe('It shrinks to the most that was wanted within this time; it grows at once. Default 5m.'),
  })
  .refine(({ scaleUpThreshold, scaleDownThreshold }) => scaleDownThreshold < scaleUpThreshold, {
    error: 'scaleDownThreshold must be less than scaleUpThreshold: what is too few for the one would be too many for the other',
  })

declare module 'greenroom/kit' {
  interface ScalerOptions {
    utilization: z.input<typeof options>
  }
}

type Options = z.output<typeof options>

interface Load {
  /** 1: as much as there may be. */
  readonly share: number
  readonly of: string
}

/**
 * As many sessions as keep the load between two thresholds. The load is the greatest of CPU and memory, each as a share of its target, and
 * the share of the sessions that are in use; what is not known is left out (INV 27). Who waits, and `size.spare`, are served in any case.
 * Idle sessions of tenants are part of what there is too much of: they are parked when it shrinks.
 */
class Utilization implements Scaler {
  readonly #options: Options
  readonly #stabiliser: Stabiliser

  constructor(chosen: Options, clock: Clock) {
    this.#options = chosen
    this.#stabiliser = new Stabiliser(clock, chosen.stabilization)
  }

  decide(view: ScaleView): ScaleDecision {
    const { count } = workOf(view, false)
    const needed = count + sparesOf(view, view.spare)
    const byLoad = this.#byLoad(view, count)
    const wanted = Math.max(view.min, needed, byLoad?.target ?? 0)
    const target = this.#stabiliser.stabilise(wanted, view)
    const reasons = byLoad ? [byLoad.reason] : ['no session yet']
    if (needed > (byLoad?.target ?? 0)) reasons.push(`${needed} needed for the work and its spares`)
    if (target > wanted) reasons.push(`${target} were wanted within the stabilization window`)
    return atLeastMin(view, target, reasons)
  }

  #byLoad(view: ScaleView, inUse: number): ScaleDecision | undefined {
    const { size: sessions, meanCpuPercent, totalCpuPercent, meanMemoryBytes, totalMemoryBytes } = view
    if (sessions === 0) return undefined
    const { targetCpu, targetMemory = Infinity, scaleUpThreshold: up, scaleDownThreshold: down, tolerance } = this.#options
    const used = { share: inUse / sessions, of: 'sessions in use' }
    // Sessions that were not measured yet count as idle where it would grow, and as the mean where it would shrink: of them nothing follows.
    const least = greatest(used, totalCpuPercent && totalCpuPercent / sessions / targetCpu, totalMemoryBytes && totalMemoryBytes / sessions / targetMemory)
    const most = greatest(used, meanCpuPercent && meanCpuPercent / targetCpu, meanMemoryBytes && meanMemoryBytes / targetMemory)
    if (least.share > up * (1 + tolerance)) return { target: Math.ceil((sessions * least.share) / up), reason: `${text(least)}: too few` }
    if (most.share < down * (1 - tolerance)) return { target: Math.ceil((sessions * most.share) / down), reason: `${text(most)}: too many` }
    return { target: sessions, reason: text(most) }
  }
}

function greatest(used: Load, cpu: number | undefined, memory: number | undefined): Load {
  const loads = [used, { share: cpu ?? 0, of: 'CPU' }, { share: memory ?? 0, of: 'memory' }]
  return loads.reduce((most, load) => (load.share > most.share ? load : most))
}

function text({ share, of }: Load): string {
  return `load ${Math.round(100 * share)} % (${of})`
}

export default definePlugin({
  name: 'utilization',
  apply(kernel) {
    kernel.strategy('scaler', 'utilization', {
      description: 'Keeps the load, by CPU, memory and sessions in use, between two thresholds; for sessions that several callers share.',
      options,
      create: (chosen, { clock }) => new Utilization(chosen, clock),
    })
  },
})
