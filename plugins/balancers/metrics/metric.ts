import type { RequestOutcome, SessionView } from 'greenroom/kit'

/** What a session costs whoever is sent to it. What is kept of a session belongs into a WeakMap. */
export interface Metric {
  /** The lower, the better; `undefined` when it is not known: then the session is judged by its load. */
  score(session: SessionView): number | undefined
  /** No score is lower: a session that has it is taken without a look at the others. */
  readonly least?: number
  /** A request is over. */
  ended?(session: SessionView, outcome: RequestOutcome, durationMs: number): void
}

/**
 * True when a request says how long requests take. One that was not answered took at least as long as its caller waited, which is news only
 * when that is longer than what is known: errors that come fast must not make a session look fast.
 */
export function tellsLatency(outcome: RequestOutcome, durationMs: number, knownMs: number | undefined): boolean {
  if (outcome === 'answered') return true
  return knownMs === undefined ? outcome === 'timed-out' : durationMs > knownMs
}
