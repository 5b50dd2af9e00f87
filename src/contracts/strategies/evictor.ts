import type { SessionView } from '../session.ts'

/** What there is too little of: places for sessions, or memory (where `size.memory` carries fewer sessions than there are places). */
export type Scarce = 'places' | 'memory'

/** Chooses which idle session is worth least, when room is needed. */
export interface Evictor {
  /**
   * One of `idle` (never empty; do not keep or change the array). When memory is `scarce`, what counts is what a session is worth per byte; a
   * session that was not measured must be neither favoured nor punished for it. Default: places are.
   */
  choose(idle: readonly SessionView[], scarce?: Scarce): SessionView
  /**
   * Told after the fact, as are the next two, when it is there: a lease has been given on `session`, whose tenant and key are those of the caller.
   * What they throw is reported, and harms nobody. What is kept of a session belongs into a WeakMap; what is kept of a key must be bounded.
   */
  used?(session: SessionView): void
  /** Nobody uses `session` any more: it is among the idle ones from now on. Probes do not count. */
  idled?(session: SessionView): void
  /** `session`, which was ready, is being ended, and is never among the idle ones again. Its key may come back all the same. */
  left?(session: SessionView): void
}
