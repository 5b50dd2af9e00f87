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
  readonly min: number
  /** size.max, or fewer while size.memory carries no more. */
  readonly max: number
  /** Spares asked for in the config. */
  readonly spare: number
  /** Mean CPU percent of one core over the measured sessions; `undefined` when none is measured. */
  readonly meanCpuPercent: number | undefined
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
