/** What to do after a failure. */
export type RestartDecision =
  /** Start again, not before this many milliseconds. */
  | { readonly action: 'retry'; readonly delayMs: number }
  /** Start nothing for this long, then one probe; its success closes the breaker. */
  | { readonly action: 'open'; readonly cooldownMs: number; readonly reason: string }

export interface Failure {
  /** `start`: never became ready. `crash`: was ready, and ended by itself. */
  readonly phase: 'start' | 'crash'
  /** How long it had been ready; 0 for a failed start. */
  readonly readyForMs: number
}

/**
 * Says when a process may be started again after failed starts and crashes. One instance serves one pool.
 * Processes that fail together are reported once: a failure counts only when its process was started after the failure before it.
 */
export interface RestartPolicy {
  /** A start failed, or a session crashed. A clean exit is no failure, save of a session that had served nobody yet. */
  failed(failure: Failure): RestartDecision
  /** A session has become ready. */
  ready(): void
}
