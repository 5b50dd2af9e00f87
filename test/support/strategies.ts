import type { Plugin, SessionView, StrategyContext, StrategyInstances, StrategyKind } from '../../src/contracts/index.ts'
import { createKernel } from './kernel-harness.ts'
import type { ManualClock } from './manual-clock.ts'

export interface MadeStrategy<Kind extends StrategyKind> {
  readonly strategy: StrategyInstances[Kind]
  /** The clock it was made with. */
  readonly clock: ManualClock
}

/** Makes a strategy as a pool does: its plugin is applied, its options are checked, and it is created from what the schema made of them. */
export async function makeStrategy<Kind extends StrategyKind>(
  kind: Kind, name: string, plugin: Plugin, given: unknown = {}, context: Partial<StrategyContext> = {},
): Promise<MadeStrategy<Kind>> {
  const kernel = createKernel()
  await kernel.host.apply([plugin])
  const options = await kernel.registry.definition(kind, name)!.options.parseAsync(given)
  return { strategy: await kernel.registry.create({ kind, name, options }, { ...kernel.context, ...context }), clock: kernel.clock }
}

/** What the strategy's schema says against these options; empty when it takes them. */
export async function problemsWith(kind: StrategyKind, name: string, plugin: Plugin, given: unknown): Promise<string[]> {
  const kernel = createKernel()
  await kernel.host.apply([plugin])
  const { error } = await kernel.registry.definition(kind, name)!.options.safeParseAsync(given)
  return (error?.issues ?? []).map(({ message }) => message)
}

/** A session as strategies see it: idle, of nobody, unless told otherwise. */
export function sessionView(fields: Partial<SessionView> = {}): SessionView {
  return {
    id: 's1', pid: 1, state: 'idle', tenant: undefined, key: undefined, startedAt: 0, readyAt: 0, lastUsedAt: 0, leaseCount: 0,
    requestCount: 0, outstanding: 0, load: fields.outstanding ?? 0, usage: undefined, ...fields,
  }
}
