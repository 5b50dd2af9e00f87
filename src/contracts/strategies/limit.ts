import type { SessionView, Usage } from '../session.ts'

/**
 * `ok`: nothing to do. `recycle`: end the session at its release, at once when it is idle.
 * `end`: end it now; the lease gets `code` with the reason.
 */
export type LimitVerdict =
  | { readonly action: 'ok' }
  | { readonly action: 'recycle'; readonly reason: string }
  | { readonly action: 'end'; readonly reason: string; readonly code: 'SESSION_MEMORY_LIMIT' }

/** Judges one session's fresh measurement. Figures that are unknown must not lead to a verdict other than `ok`. */
export interface Limit {
  judge(session: SessionView, usage: Usage): LimitVerdict
}
