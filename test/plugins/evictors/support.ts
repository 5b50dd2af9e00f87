import type { Evictor, Plugin, SessionView } from '../../../src/contracts/index.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, sessionView } from '../../support/strategies.ts'

export const MB = 2 ** 20
export const MINUTE = 60_000

export type MutableSession = { -readonly [Field in keyof SessionView]: SessionView[Field] }

const pluginOf = async (use: string): Promise<Plugin> => ((await import(`../../../plugins/evictors/${use}.ts`)) as { default: Plugin }).default

/** A bundled evictor, made from its options as a pool makes it, and sessions that are used as in one. */
export async function makeEvictor(use: string, options: object = {}): Promise<EvictorScene> {
  const { strategy, clock } = await makeStrategy('evictor', use, await pluginOf(use), options)
  return new EvictorScene(strategy, clock)
}

export class EvictorScene {
  readonly evictor: Evictor
  readonly clock: ManualClock

  constructor(evictor: Evictor, clock: ManualClock) {
    this.evictor = evictor
    this.clock = clock
  }

  /** A new session of a key. */
  session(key: string | undefined, fields: Partial<SessionView> = {}): MutableSession {
    const now = this.clock.now()
    return sessionView({ id: `of ${key}`, tenant: 'a', key, startedAt: now, readyAt: now, lastUsedAt: now, ...fields })
  }

  begin(session: MutableSession): void {
    session.lastUsedAt = this.clock.now()
    session.leaseCount++
    this.evictor.used?.(session)
  }

  end(session: MutableSession): void {
    session.lastUsedAt = this.clock.now()
    this.evictor.idled?.(session)
  }

  /** It is used for a while. */
  use(session: MutableSession, forMs = 1_000): MutableSession {
    this.begin(session)
    this.clock.advance(forMs)
    this.end(session)
    return session
  }
}

/** The session of each key is used, again and again, so long after its last use. Returns them as they are then. */
export function live(scene: EvictorScene, gaps: Readonly<Record<string, number>>, forMs: number, useMs = 1_000): Record<string, MutableSession> {
  const sessions = Object.fromEntries(Object.keys(gaps).map((key) => [key, scene.session(key)]))
  const due = new Map(Object.keys(gaps).map((key) => [key, scene.clock.now()]))
  const end = scene.clock.now() + forMs
  for (;;) {
    const [key, at] = [...due].reduce((first, one) => (one[1] < first[1] ? one : first))
    if (at > end) return sessions
    scene.clock.advance(Math.max(0, at - scene.clock.now()))
    scene.use(sessions[key]!, useMs)
    due.set(key, scene.clock.now() + gaps[key]!)
  }
}
