import type { ScaleView } from 'greenroom/kit'

/** Sessions that there is work for now, and why. */
export interface Work {
  readonly count: number
  /** Such as `3 busy`; what is nobody is left out. */
  readonly parts: readonly string[]
}

/**
 * Sessions in use, those being probed, and one for each caller who waits and is served sooner by one more session than by those that are busy.
 * `keeping`: also those that a tenant may come back to. O(1)
 */
export function workOf(view: ScaleView, keeping: boolean): Work {
  const starts = startsFor(view)
  const waited = starts < view.waiting ? `${starts} for the ${view.waiting} who wait (busy ones serve the others sooner)` : `${starts} waited for`
  const all = [
    [view.busy, `${view.busy} busy`],
    [keeping ? view.idleBound : 0, `${view.idleBound} kept for their tenants`],
    [view.checking, `${view.checking} being probed`],
    [view.waiting, waited],
  ] as const
  const parts = all.filter(([count]) => count > 0)
  return { count: view.busy + (keeping ? view.idleBound : 0) + view.checking + starts, parts: parts.map(([, text]) => text) }
}

/** Spares that are asked for and not there. One that is being probed is a spare again in a moment; only callers who wait now don't wait for it. */
export function sparesOf({ waiting, checking }: ScaleView, spare: number): number {
  return Math.max(0, waiting > 0 ? spare : spare - checking)
}

/**
 * How many sessions those who wait need. When a start is ready, in S, the n busy sessions that serve whoever waits have served n·S/h of them,
 * h being the time each is held. Of those who are left then, so many get a session of their own that all are served within one more S.
 * A waiter whose turn comes sooner than that starts nothing.
 */
function startsFor({ waiting, freeing, busy, max, meanHoldMs: hold, meanStartMs: start }: ScaleView): number {
  // What can't be had need not be counted.
  if (waiting === 0 || hold === undefined || !start || busy >= max) return waiting
  const served = freeing === 0 ? 0 : Math.floor((freeing * start) / hold)
  const left = Math.max(0, waiting - served)
  const enough = Math.ceil((left * hold) / start) - freeing
  return Math.min(left, Math.max(freeing === 0 ? 1 : 0, enough))
}
