import type { PoolEnvironment } from './environment.ts'
import type { Roster } from './roster.ts'

type Tap = 'balancer: request' | 'balancer: state' | 'evictor: acquired' | 'evictor: state'

/**
 * Has the hooks tell the balancer and the evictor of the moment what they want to hear. A hook is tapped when the first of them wants to hear
 * of it, which may be after plugins cannot tap any more: what nobody wants to hear costs nothing.
 */
export class StrategyNews {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #taps: { readonly [Name in Tap]: () => void }
  readonly #tapped = new Set<Tap>()

  constructor(env: PoolEnvironment, roster: Roster) {
    const { acquired, request, state } = env.hooks
    // As they are before they are sealed.
    const [tapAcquired, tapRequest, tapState] = [acquired.tap, request.tap, state.tap]
    this.#env = env
    this.#roster = roster
    this.#taps = {
      'balancer: request': () => tapRequest.call(request, 'balancer', (session, { outcome, durationMs }) => env.balancer.ended?.(session, outcome, durationMs)),
      'balancer: state': () => tapState.call(state, 'balancer', (session, from, to) => {
        if (from === 'starting' && to === 'idle') env.balancer.joined?.(session)
        else if (from !== 'starting' && to === 'ending') env.balancer.left?.(session)
      }),
      'evictor: acquired': () => tapAcquired.call(acquired, 'evictor', (session) => env.evictor.used?.(session)),
      'evictor: state': () => tapState.call(state, 'evictor', (session, from, to) => {
        // INV 26: a probe is no use, and its end no idling.
        if (to === 'idle' && (from === 'leased' || from === 'settling')) env.evictor.idled?.(session)
        else if (to === 'ending' && from !== 'starting') env.evictor.left?.(session)
      }),
    }
  }

  /** The balancer is another from now on: it hears of the sessions that are there. */
  balancerChosen(): void {
    const { balancer } = this.#env
    if (balancer.ended) this.#tap('balancer: request')
    if (!balancer.joined && !balancer.left) return
    this.#tap('balancer: state')
    for (const session of this.#roster.sessions.values()) {
      if (session.state !== 'starting' && session.state !== 'ending') this.#tell(() => balancer.joined?.(session), "the balancer's joined")
    }
  }

  /** The evictor is another from now on: it hears of the sessions that lie idle. */
  evictorChosen(): void {
    const { evictor } = this.#env
    if (evictor.used) this.#tap('evictor: acquired')
    if (!evictor.idled && !evictor.left) return
    this.#tap('evictor: state')
    for (const session of this.#roster.sessions.values()) {
      if (session.state === 'idle' && session.leaseCount > 0) this.#tell(() => evictor.idled?.(session), "the evictor's idled")
    }
  }

  #tap(name: Tap): void {
    if (this.#tapped.has(name)) return
    this.#tapped.add(name)
    this.#taps[name]()
  }

  /** INV 8: a strategy that fails is reported, and what it was told of goes on. */
  #tell(call: () => void, where: string): void {
    try {
      call()
    } catch (problem) {
      this.#env.report(problem, where)
    }
  }
}
