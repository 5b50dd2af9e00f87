import type { DependencyContainer } from 'tsyringe'
import { CLOCK, z, type Kernel, type Plugin, type PoolHooks, type Random, type StrategyContext, type StrategyKind } from '../../src/contracts/index.ts'
import { createContainer, provide } from '../../src/kernel/container.ts'
import { createHooks } from '../../src/kernel/hooks.ts'
import { PluginHost } from '../../src/kernel/plugin-host.ts'
import { StrategyRegistry } from '../../src/kernel/strategy-registry.ts'
import { ManualClock } from './manual-clock.ts'

export interface KernelHarness {
  readonly clock: ManualClock
  readonly container: DependencyContainer
  readonly hooks: PoolHooks
  readonly registry: StrategyRegistry
  readonly host: PluginHost
  readonly context: StrategyContext
  /** What went to the hook `problem`. */
  readonly problems: string[]
}

/** Everything of the kernel for one pool, on a clock moved by hand. */
export function createKernel(): KernelHarness {
  const clock = new ManualClock()
  const container = createContainer()
  provide(container, CLOCK, [], () => clock)
  const problems: string[] = []
  const hooks = createHooks((problem, where) => problems.push(`${where}: ${String(problem)}`))
  const registry = new StrategyRegistry()
  const host = new PluginHost({ hooks, container, registry, clock })
  const random: Random = { next: () => 0.5 }
  const report = (problem: unknown, where: string): void => hooks.problem.call(problem, where)
  return { clock, container, hooks, registry, host, problems, context: { clock, random, container, report, explain: () => undefined } }
}

/** The smallest strategies of each kind: they have the methods, and do nothing. */
export function emptyStrategy(kind: StrategyKind): Record<string, unknown> {
  const methods: Record<StrategyKind, string[]> = {
    driver: ['spawnSpec', 'open'], balancer: ['pick'], scaler: ['decide'], health: ['check'], metrics: ['sample'], limit: ['judge'],
    admission: ['admit', 'finished'], queue: ['push', 'next', 'nextOf', 'peek', 'remove'], evictor: ['choose'], restart: ['failed', 'ready'], store: ['put', 'take', 'has'],
    gateway: ['listen', 'close'],
  }
  return { capabilities: {}, ...Object.fromEntries(methods[kind].map((name) => [name, () => undefined])) }
}

/** A plugin that registers one strategy and does no more. */
export function strategyPlugin(kind: StrategyKind, name: string, options: z.ZodType = z.strictObject({}), made: unknown = emptyStrategy(kind)): Plugin {
  return {
    name: `${kind}-${name}`,
    apply: (kernel: Kernel) => kernel.strategy(kind, name, { description: 'For tests.', options, create: () => made as never }),
  }
}
