import type { Validate } from './examiner.ts'
import type { FacadeWorld } from './options.ts'
import type { ResourceEvents } from './resource-child.ts'

export interface ResourcePoolOptions<T> {
  create(): PromiseLike<T> | T
  destroy(resource: T): unknown
  /** Asked before a resource is lent. */
  readonly validate: Validate<T> | undefined
  /** Kept from the start. */
  readonly min: number
  readonly max: number
  /** Milliseconds; `Infinity`: no limit. */
  readonly acquireMs: number
  readonly createMs: number
  readonly destroyMs: number
  /** Which of the idle ones is lent first: the longest idle, or the last released. */
  readonly order: 'fifo' | 'lifo'
  readonly restart: 'backoff' | 'fixed'
  /** For `fixed`. */
  readonly retryMs: number
  /** Each loan gets a handle of its own, which can do nothing once it is given back. */
  readonly guarded: boolean
  readonly events: ResourceEvents<T>
  /** Something went wrong that no caller hears of. */
  problem(problem: unknown, where: string): void
  readonly world: FacadeWorld
}

/** Who wants a resource. */
export interface Acquisition {
  /** Higher is served first. */
  readonly priority: number
  readonly signal?: AbortSignal
  /** While a resource is being validated for it. */
  isExamining?: boolean
}

export interface EvictionView {
  readonly idleMs: number
  /** Idle resources that are left. */
  readonly idle: number
  readonly leased: number
}
