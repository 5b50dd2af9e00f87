import type { EndReason, ErrorCode, PoolHooks, RequestOutcome, Served } from 'greenroom/kit'

/** Takes down what happens in a pool. Times are seconds. Nothing it is told names a tenant, a key or a session: there may be millions. */
export interface Recorder {
  acquired(served: Served, waitSeconds: number): void
  refused(code: ErrorCode): void
  /** A caller has held a session for so long. */
  released(seconds: number): void
  requested(outcome: RequestOutcome, seconds: number): void
  /** A session became ready so long after it was started. */
  ready(seconds: number): void
  ended(reason: EndReason): void
}

/** Tells the recorder what the hooks tell. */
export function record(hooks: PoolHooks, name: string, recorder: Recorder): void {
  hooks.acquired.tap(name, (_session, _request, { served, waitMs }) => recorder.acquired(served, waitMs / 1_000))
  hooks.refused.tap(name, (_request, { code }) => recorder.refused(code))
  hooks.released.tap(name, (_session, { heldMs }) => recorder.released(heldMs / 1_000))
  hooks.request.tap(name, (_session, { outcome, durationMs }) => recorder.requested(outcome, durationMs / 1_000))
  hooks.state.tap(name, ({ startedAt, readyAt }, from, to, reason) => {
    if (from === 'starting' && to === 'idle' && readyAt !== undefined) recorder.ready((readyAt - startedAt) / 1_000)
    if (to === 'ending' && reason !== undefined) recorder.ended(reason)
  })
}

/**
 * Upper bounds of the buckets of times, in seconds: from an acquire of a warm session, which takes microseconds, to the turn of an agent, which
 * takes minutes.
 */
export const SECONDS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** States of a session that has a process. */
export const STATES = ['starting', 'idle', 'leased', 'settling', 'checking', 'ending'] as const
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const
