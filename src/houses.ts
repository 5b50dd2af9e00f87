import type { Timeouts } from './kernel/timeouts.ts'
import type { Allocator } from './pool/allocator.ts'
import type { Capacity } from './pool/capacity.ts'
import type { PoolEnvironment } from './pool/environment.ts'
import type { Launcher } from './pool/launcher.ts'
import type { Retirer } from './pool/retirer.ts'
import type { Roster } from './pool/roster.ts'
import type { StartGate } from './pool/start-gate.ts'
import type { Turnstile } from './pool/turnstile.ts'
import type { StrategyNews } from './pool/strategy-news.ts'
import type { HealthWatch } from './watch/health.ts'
import type { Lifetimes } from './watch/lifetimes.ts'
import type { Scaling } from './watch/scaling.ts'
import type { UsageWatch } from './watch/usage.ts'

/** The parts of one pool, put together. */
export interface Houses {
  readonly env: PoolEnvironment
  readonly roster: Roster
  readonly capacity: Capacity
  readonly gate: StartGate
  readonly retirer: Retirer
  readonly launcher: Launcher
  readonly allocator: Allocator
  readonly turnstile: Turnstile
  readonly news: StrategyNews
  readonly scaling: Scaling
  readonly lifetimes: Lifetimes
  readonly health: HealthWatch
  readonly usage: UsageWatch | undefined
  /** Time-outs of the watching loops: they don't keep the host alive. */
  readonly background: Timeouts
  /** Wall time at `Clock.now()` 0, in milliseconds since the Unix epoch. Taken once: dates must not waver. */
  readonly origin: number
}
