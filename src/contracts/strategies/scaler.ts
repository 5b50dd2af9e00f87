/** What a scaler decides from. Counts of sessions, unless said otherwise. */
export interface ScaleView {
  /** Live sessions that are not ending: starting, idle, leased, settling and checking ones. */
  readonly size: number
  readonly starting: number
  /** Leased or settling. */
  readonly busy: number
  /** Idle and bound to a tenant: of use to that tenant only. */
  readonly idleBound: number
  /** Idle and of use to anybody. */
  readonly idleSpare: number
  /** Those of `idleSpare` that have not been idle for timeouts.idle yet. */
  readonly idleSpareFresh: number
  /** Being probed; idle again in a moment, or ended. */
  readonly checking: number
  /** Callers waiting whom one more session would serve (not those who wait for a certain busy session). */
  readonly waiting: number
  /** Places on busy sessions that will serve those who wait as soon as they are free; 0 where that is not sure of each. */
  readonly freeing: number
  /** Any session that is free serves any caller (isolation 'none'). */
  readonly shared: boolean
  /**
   * Callers so far who wanted any session, by when they came: not those of a key or, save with isolation 'none', of a tenant who found a session
   * of theirs. Who gave up is not counted any more.
   */
  readonly arrivals: number
  /** Mean time for which a session is held by one caller, its reset included, of late; `undefined` before the first. */
  readonly meanHoldMs: number | undefined
  /** Mean time a start takes, of late; `undefined` before the first. */
  readonly meanStartMs: number | undefined
  readonly min: number
  /** size.max, or fewer while size.memory carries no more. */
  readonly max: number
  /** Spares asked for in the config; where that is a share, so many as it is at the moment. */
  readonly spare: number
  /** Mean CPU percent of one core over the measured sessions; `undefined` when none is measured. */
  readonly meanCpuPercent: number | undefined
  /** Sum over the measured sessions; `undefined` when none is measured. */
  readonly totalCpuPercent: number | undefined
  /** Mean memory of one session over the measured ones; `undefined` when none is measured. */
  readonly meanMemoryBytes: number | undefined
  /** Sum over the measured sessions; `undefined` when none is measured. */
  readonly totalMemoryBytes: number | undefined
}

export interface ScaleDecision {
  /** How many sessions there should be. The pool holds it within min and max, and never ends a busy session for it. */
  readonly target: number
  /** For people: shown by `pool.decisions()` and the stats. */
  readonly reason: string
}

/** What made the pool ask. All but `tick` come in the same event-loop turn as their cause; several in one turn are asked once. */
export type ScaleTrigger = 'waiter' | 'taken' | 'gone' | 'ready' | 'tick' | 'manual'

/** Decides how many sessions there should be. It must be quick and without effects: it is asked on every change of demand. */
export interface Scaler {
  decide(view: ScaleView, trigger: ScaleTrigger): ScaleDecision
}
