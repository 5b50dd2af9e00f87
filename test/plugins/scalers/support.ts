import { registerBundled } from '../../../src/bundled.ts'
import type { Scaler, ScaleDecision, ScaleView } from '../../../src/contracts/index.ts'
import { configError, type ConfigProblem } from '../../../src/kernel/config-problems.ts'
import { resolveNested } from '../../../src/kernel/resolve-config.ts'
import { createKernel } from '../../support/kernel-harness.ts'
import type { ManualClock } from '../../support/manual-clock.ts'

const NOBODY: ScaleView = {
  size: 0, starting: 0, busy: 0, idleBound: 0, idleSpare: 0, idleSpareFresh: 0, checking: 0, waiting: 0, freeing: 0, shared: false, arrivals: 0,
  meanHoldMs: undefined, meanStartMs: undefined, min: 0, max: 100, spare: 0,
  meanCpuPercent: undefined, totalCpuPercent: undefined, meanMemoryBytes: undefined, totalMemoryBytes: undefined,
}

/** A view of which only what is given is more than nothing. */
export function viewOf(fields: Partial<ScaleView>): ScaleView {
  const { starting = 0, busy = 0, idleBound = 0, idleSpare = 0, checking = 0 } = fields
  return { ...NOBODY, size: starting + busy + idleBound + idleSpare + checking, idleSpareFresh: idleSpare, ...fields }
}

export interface MadeScaler {
  readonly scaler: Scaler
  readonly clock: ManualClock
  decide(view: Partial<ScaleView>): ScaleDecision
  target(view: Partial<ScaleView>): number
}

/** A bundled scaler, made from its options as a pool makes it. */
export async function makeScaler(use: string, given: object = {}): Promise<MadeScaler> {
  const { registry, host, context, clock } = createKernel()
  registerBundled(registry)
  await host.load('scaler', use)
  const options = await registry.definition('scaler', use)!.options.parseAsync(given)
  const problems: ConfigProblem[] = []
  await resolveNested(options, host, ['scaler'], problems)
  if (problems.length > 0) throw configError(problems)
  const scaler = await registry.create({ kind: 'scaler', name: use, options }, context)
  const decide = (view: Partial<ScaleView>): ScaleDecision => scaler.decide(viewOf(view), 'tick')
  return { scaler, clock, decide, target: (view) => decide(view).target }
}
