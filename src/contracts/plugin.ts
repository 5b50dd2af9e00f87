import type { DependencyContainer } from 'tsyringe'
import type { z } from 'zod'
import type { Clock, Random } from './clock.ts'
import type { Driver } from './driver.ts'
import type { PoolHooks } from './hooks.ts'
import type { SessionView } from './session.ts'
import type { Admission } from './strategies/admission.ts'
import type { Balancer } from './strategies/balancer.ts'
import type { Evictor } from './strategies/evictor.ts'
import type { Gateway } from './strategies/gateway.ts'
import type { HealthCheck } from './strategies/health-check.ts'
import type { Limit } from './strategies/limit.ts'
import type { Queue } from './strategies/queue.ts'
import type { RestartPolicy } from './strategies/restart-policy.ts'
import type { Scaler } from './strategies/scaler.ts'
import type { Store } from './strategies/store.ts'
import type { UsageSampler } from './strategies/usage-sampler.ts'
import type { Token, TokenValues } from './token.ts'

// Option types by declaration merging: a plugin adds its strategies' names and option types, and configs are checked against them:
//
//   declare module 'greenroom/kit' { interface BalancerOptions { 'my-balancer': { bias?: number } } }

/** Drivers by name, with their options. */
export interface DriverOptions {}
export interface BalancerOptions {}
export interface ScalerOptions {}
export interface HealthOptions {}
export interface MetricsOptions {}
export interface LimitOptions {}
export interface AdmissionOptions {}
export interface QueueOptions {}
export interface EvictorOptions {}
export interface RestartOptions {}
export interface StoreOptions {}
export interface GatewayOptions {}

/** What each kind of strategy is, by the name that configs and plugins call the kind. */
export interface StrategyInstances {
  driver: Driver
  balancer: Balancer
  scaler: Scaler
  health: HealthCheck
  metrics: UsageSampler
  limit: Limit
  admission: Admission
  queue: Queue
  evictor: Evictor
  restart: RestartPolicy
  store: Store
  gateway: Gateway
}

export type StrategyKind = keyof StrategyInstances

/** What a strategy is made with. */
export interface StrategyContext {
  readonly clock: Clock
  readonly random: Random
  /** The pool's own tsyringe container, for strategies that are `@injectable` classes or need what another plugin provides. */
  readonly container: DependencyContainer
  /** Reports something that went wrong and that no caller hears of. */
  report(problem: unknown, where: string): void
  /**
   * Keeps a decision of the strategy's own, with its reason, for `pool.decisions()`; of kind `'strategy'`. A function is called when somebody
   * reads it, so that a text costs nothing until then; lists and sessions will have changed, so take from them before what it needs.
   */
  explain(reason: string | (() => string), session?: SessionView): void
}

export interface StrategyDefinition<Kind extends StrategyKind, Schema extends z.ZodType> {
  /** One line for people: what it does, when to choose it. */
  readonly description: string
  /** A `z.strictObject`: unknown options are refused with the list of the known ones. */
  readonly options: Schema
  /** Makes the strategy, once per pool. */
  create(options: z.output<Schema>, context: StrategyContext): StrategyInstances[Kind] | Promise<StrategyInstances[Kind]>
}

/** What a plugin's `apply` gets. */
export interface Kernel {
  readonly hooks: PoolHooks
  /** The pool's own tsyringe container. */
  readonly container: DependencyContainer
  /**
   * Registers a strategy under (kind, name).
   * @throws GreenroomError `PLUGIN_INVALID` when the name is taken.
   */
  strategy<Kind extends StrategyKind, Schema extends z.ZodType>(kind: Kind, name: string, definition: StrategyDefinition<Kind, Schema>): void
  /** Registers a value made, once per pool and when first needed, from others. */
  provide<T, const D extends readonly Token<unknown>[]>(token: Token<T>, dependencies: D, factory: (...values: TokenValues<D>) => T): void
  /** The value registered under `token`. */
  get<T>(token: Token<T>): T
  /** Called when the pool has been closed; awaited, within a deadline. The last registered is called first. */
  onClose(callback: () => void | Promise<void>): void
}

export interface Plugin {
  /** Unique within a pool. */
  readonly name: string
  /** Names of plugins that must be there; they are applied before this one. */
  readonly requires?: readonly string[]
  /** Taps hooks and registers strategies and values. It has a deadline of ten seconds. */
  apply(kernel: Kernel): void | Promise<void>
}

/** Checks a plugin's type; returns it unchanged. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin
}
