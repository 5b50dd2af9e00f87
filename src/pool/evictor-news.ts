import type { Evictor, PoolHooks } from '../contracts/index.ts'

const NAME = 'evictor'

/** Has the hooks tell an evictor what it wants to hear, and nothing else: who taps no hook costs nothing. */
export function tellEvictor(evictor: Evictor, { acquired, state }: PoolHooks): void {
  const { idled, left, used } = evictor
  if (used) acquired.tap(NAME, (session) => used.call(evictor, session))
  if (!idled && !left) return
  state.tap(NAME, (session, from, to) => {
    // INV 26: a probe is no use, and its end no idling.
    if (to === 'idle' && (from === 'leased' || from === 'settling')) idled?.call(evictor, session)
    else if (to === 'ending' && from !== 'starting') left?.call(evictor, session)
  })
}
