import { type StrategySource, suiteOf } from './bench.ts'
import { addChooserCases } from './chooser.ts'
import type { ContractCase } from './contract-case.ts'

/** The cases that every evictor must pass. */
export function evictorContract(source: StrategySource<'evictor'>): ContractCase[] {
  const { cases, add } = suiteOf('evictor', source, 'virtual')
  addChooserCases(add, { method: 'choose', choose: (evictor, idle) => evictor.choose(idle) })
  return cases
}
