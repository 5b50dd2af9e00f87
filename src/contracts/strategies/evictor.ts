import type { SessionView } from '../session.ts'

/** Chooses which idle session is worth least, when room is needed. */
export interface Evictor {
  /** One of `idle` (never empty; do not keep or change the array). */
  choose(idle: readonly SessionView[]): SessionView
}
