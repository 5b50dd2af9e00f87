import type { SyncBailHook, SyncHook, SyncWaterfallHook } from 'tapable'
import type { SpawnSpec } from './child.ts'
import type { Decision } from './decision.ts'
import type { GreenroomError } from './errors.ts'
import type { Served } from './pool.ts'
import type { EndReason, SessionState, SessionView, Usage } from './session.ts'
import type { AcquireRequest } from './strategies/balancer.ts'

/**
 * How a request went; every outcome but `answered` ended with an error for the caller. `refused`: the driver could not send the message, which
 * says nothing of the session.
 */
export type RequestOutcome = 'answered' | 'failed' | 'aborted' | 'timed-out' | 'lost' | 'refused'

/**
 * The pool's hooks. Tap them in a plugin's `apply`.
 *
 * *Deciders* change what happens: when one throws, what was asked for is refused.
 * *Observers* only look: when one throws, it is reported through `problem` and nobody else notices.
 */
export interface PoolHooks {
  /** Decider, on every acquire: return a reason to refuse it. `acquired` or `refused` is given the very same object. */
  readonly admit: SyncBailHook<[AcquireRequest], string | undefined>
  /** Decider, before every start: return the spec to run, changed or not. `tenant` is there when sessions are bound at their spawn. */
  readonly spawn: SyncWaterfallHook<[SpawnSpec, { readonly sessionId: string; readonly tenant?: string }]>

  /** A session changed its state; `reason` is set on the way to `ending` and `gone`. */
  readonly state: SyncHook<[SessionView, SessionState | undefined, SessionState, EndReason | undefined]>
  readonly acquired: SyncHook<[SessionView, AcquireRequest, { readonly served: Served; readonly waitMs: number }]>
  readonly released: SyncHook<[SessionView, { readonly heldMs: number }]>
  /** A request is being sent, in the turn of the event loop in which its caller asked for it; `turn` is an object that names it. */
  readonly requesting: SyncHook<[SessionView, { readonly turn: object }]>
  /** A request is over for its caller; `turn` is that of `requesting`. */
  readonly request: SyncHook<[SessionView, { readonly outcome: RequestOutcome; readonly durationMs: number; readonly turn: object }]>
  readonly refused: SyncHook<[AcquireRequest, GreenroomError]>
  readonly decision: SyncHook<[Decision]>
  readonly usage: SyncHook<[SessionView, Usage]>
  /** Something went wrong that no caller hears of; the text says where. */
  readonly problem: SyncHook<[unknown, string]>
  readonly closed: SyncHook<[]>
}
