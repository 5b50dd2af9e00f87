import type { StrategyInstances, StrategyKind } from '../contracts/index.ts'

/** What each kind must be able to do. */
const METHODS: { readonly [Kind in StrategyKind]: readonly (keyof StrategyInstances[Kind] & string)[] } = {
  driver: ['spawnSpec', 'open'],
  balancer: ['pick'],
  scaler: ['decide'],
  health: ['check'],
  metrics: ['sample'],
  limit: ['judge'],
  admission: ['admit', 'finished'],
  queue: ['push', 'next', 'nextOf', 'peek', 'remove'],
  evictor: ['choose'],
  restart: ['failed', 'ready'],
  store: ['put', 'take', 'has'],
  gateway: ['listen', 'close'],
}

export const STRATEGY_KINDS: readonly StrategyKind[] = Object.keys(METHODS) as StrategyKind[]

/** What keeps `made` from being a strategy of that kind, in words; `undefined` when nothing does. */
export function missingMethods(kind: StrategyKind, made: unknown): string | undefined {
  if (typeof made !== 'object' || made === null) return `it must be an object with ${METHODS[kind].map((method) => `${method}()`).join(', ')}`
  const missing = METHODS[kind].filter((method) => typeof (made as Record<string, unknown>)[method] !== 'function')
  if (missing.length > 0) return `it has no ${missing.map((method) => `${method}()`).join(', ')}`
  if (kind === 'driver' && typeof (made as Record<string, unknown>)['capabilities'] !== 'object') return 'it has no capabilities; {} will do'
  return undefined
}
