import type { Evictor, SessionView } from '../../contracts/index.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import { addChooserCases } from './chooser.ts'
import type { ContractCase } from './contract-case.ts'
import { session } from './sessions.ts'

/** Its number is that of no other session. */
const GONE = 1_000_000

/** The cases that every evictor must pass. */
export function evictorContract(source: StrategySource<'evictor'>): ContractCase[] {
  const { cases, add } = suiteOf('evictor', source, 'virtual')
  addChooserCases(add, { method: 'choose', choose })
  return cases
}

/** Asks it for places and for memory in turn, with news of some sessions and none of others between: it need not have seen a session before. */
function choose(evictor: Evictor, idle: readonly SessionView[], n: number): SessionView {
  const one = idle[n % idle.length]!
  if (n % 3 === 1) evictor.used?.(one)
  if (n % 3 > 0) evictor.idled?.(one)
  if (n % 5 === 4) evictor.left?.(session(GONE + n, { tenant: 'tenant-1', key: `key-${n}` }))
  return evictor.choose(idle, n % 2 === 0 ? 'places' : 'memory')
}
