import type {
  Balancer, Channel, Clock, Driver, Evictor, PoolHooks, PoolSettings, Queue, Random, RestartPolicy, Scaler, Spawner, Store,
} from '../contracts/index.ts'
import type { Timeouts } from '../kernel/timeouts.ts'
import type { DecisionLog } from './decision-log.ts'
import type { Statistics } from './statistics.ts'
import type { Waiter } from './waiting-line.ts'

/**
 * What the houses of a pool share: resolved when the pool is made, so that nothing is looked up per request. What `reconfigure` may change can be
 * assigned, and by it alone: whoever needs one of those takes it from here each time.
 */
export interface PoolEnvironment {
  /** Short and unique within the host; session ids begin with it. */
  readonly id: string
  settings: PoolSettings
  readonly clock: Clock
  readonly random: Random
  readonly hooks: PoolHooks
  readonly timeouts: Timeouts
  readonly driver: Driver
  readonly spawner: Spawner
  /** Every session is started for one tenant, and is its own from the spawn on. */
  readonly bindsAtSpawn: boolean
  balancer: Balancer
  scaler: Scaler
  queue: Queue<Waiter>
  evictor: Evictor
  restart: RestartPolicy
  readonly store: Store
  readonly statistics: Statistics
  readonly decisions: DecisionLog
  /** Reports something that went wrong and that no caller hears of. */
  report(problem: unknown, where: string): void
}

/** True when a parked state can be restored: in a session that is ready, or by starting a process with it. */
export function canResume({ driver }: Pick<PoolEnvironment, 'driver'>, channel: Channel | undefined): boolean {
  return channel?.resume !== undefined || driver.capabilities.resumesAtSpawn === true
}
