import type { Child } from '../../contracts/index.ts'
import type { Session } from '../../pool/session.ts'
import type { Census, CensusMember, CensusSeed } from '../../process/census/census.ts'

/** A process of a session; without a census nothing is known of it but its number. */
export type Member = Pick<CensusMember, 'pid'> & Partial<CensusMember>

/** Who belongs to each session, as the last look found it. */
export class Trees {
  readonly #census: Census | undefined
  readonly #members = new WeakMap<Session, readonly CensusMember[]>()

  constructor(census: Census | undefined) {
    this.#census = census
  }

  /** True where all processes of this session can be found. */
  sees({ child }: Session): boolean {
    return this.#census !== undefined && isSeed(child)
  }

  /** Looks at all sessions. One whose processes can't be found has its own process at least. */
  async look(sessions: readonly Session[]): Promise<Map<Session, readonly Member[]>> {
    const seeds = sessions.map(({ child }) => child).filter(isSeed)
    const found = this.#census && seeds.length > 0 ? await this.#census.take(seeds) : undefined
    const trees = new Map<Session, readonly Member[]>()
    for (const session of sessions) {
      const members = isSeed(session.child) ? found?.get(session.child) : undefined
      if (members) this.#members.set(session, members)
      trees.set(session, members ?? [{ pid: session.pid! }])
    }
    return trees
  }

  of(session: Session): readonly Member[] {
    return this.#members.get(session) ?? (session.pid === undefined ? [] : [{ pid: session.pid }])
  }

  mayLive({ pid, startTime }: Member): boolean {
    return this.#census === undefined || startTime === undefined || this.#census.mayLive({ pid, startTime })
  }
}

function isSeed(child: Child): child is Child & CensusSeed {
  return child.pid !== undefined && child.marker !== undefined
}
