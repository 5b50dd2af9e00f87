import type { Scarce } from '../contracts/index.ts'
import { disown } from '../kernel/disown.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'

/**
 * The idle session that the evictor can best do without, where there is too little of what is `scarce`. An evictor that throws or answers
 * nonsense is reported, and the least recently used is taken instead: room must be made all the same (INV 8). O(sessions).
 */
export function leastValuable(env: PoolEnvironment, roster: Roster, scarce: Scarce, among: (session: Session) => boolean): Session | undefined {
  const idle: Session[] = []
  for (const session of roster.sessions.values()) {
    if (session.state === 'idle' && among(session)) idle.push(session)
  }
  if (idle.length === 0) return undefined
  try {
    const chosen = env.evictor.choose(idle, scarce)
    const session = idle.find((one) => one === chosen)
    if (session) return session
    disown(chosen)
    env.report(new Error('it chose something other than one of the sessions it was given'), "the evictor's choose")
  } catch (problem) {
    env.report(problem, "the evictor's choose")
  }
  return idle.reduce((oldest, session) => (session.lastUsedAt < oldest.lastUsedAt ? session : oldest))
}
