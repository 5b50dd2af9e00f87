import type { SessionView } from 'greenroom/kit'

/** The session of least worth; of several the one that was used longest ago. O(n), each valued once. */
export function leastOf(idle: readonly SessionView[], worthOf: (session: SessionView) => number): SessionView {
  let least = idle[0]!
  let worth = worthOf(least)
  for (let n = 1; n < idle.length; n++) {
    const session = idle[n]!
    const its = worthOf(session)
    if (its < worth || (its === worth && session.lastUsedAt < least.lastUsedAt)) {
      least = session
      worth = its
    }
  }
  return least
}
