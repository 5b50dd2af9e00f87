import type { Balancer, PoolHooks } from '../contracts/index.ts'

const NAME = 'balancer'

/** Has the hooks tell a balancer what it wants to hear, and nothing else: who taps no hook costs nothing. */
export function tellBalancer(balancer: Balancer, { request, state }: PoolHooks): void {
  const { ended, joined, left } = balancer
  if (ended) request.tap(NAME, (session, { outcome, durationMs }) => ended.call(balancer, session, outcome, durationMs))
  if (!joined && !left) return
  state.tap(NAME, (session, from, to) => {
    if (from === 'starting' && to === 'idle') joined?.call(balancer, session)
    else if (from !== 'starting' && to === 'ending') left?.call(balancer, session)
  })
}
