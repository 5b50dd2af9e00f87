import type { LoadPlugin, StrategyRegistry } from './kernel/strategy-registry.ts'
import type { StrategyKind } from './contracts/index.ts'

/** The strategies that come with greenroom. Each is loaded when a config names it. */
const BUNDLED = {
  driver: {
    'json-lines': () => import('../plugins/drivers/json-lines.ts'),
    'json-rpc': () => import('../plugins/drivers/json-rpc.ts'),
    mcp: () => import('../plugins/drivers/mcp.ts'),
    'node-repl': () => import('../plugins/drivers/node-repl.ts'),
  },
  balancer: { 'least-loaded': () => import('../plugins/balancers/least-loaded.ts') },
  scaler: { demand: () => import('../plugins/scalers/demand.ts') },
  health: { ping: () => import('../plugins/health/ping.ts') },
  metrics: { pidusage: () => import('../plugins/metrics/pidusage.ts') },
  limit: { memory: () => import('../plugins/limits/memory.ts') },
  queue: { fair: () => import('../plugins/queues/fair.ts'), fifo: () => import('../plugins/queues/fifo.ts') },
  evictor: { lru: () => import('../plugins/evictors/lru.ts') },
  restart: { backoff: () => import('../plugins/restart/backoff.ts') },
  store: { memory: () => import('../plugins/stores/memory.ts') },
  gateway: { http: () => import('../plugins/gateways/http.ts') },
} satisfies Record<StrategyKind, Record<string, LoadPlugin>>

/** The bundled strategies by kind and name. Its type carries the plugins' option types into the programs of users. */
export type BundledStrategies = typeof BUNDLED

export function registerBundled(registry: StrategyRegistry): void {
  for (const [kind, strategies] of Object.entries(BUNDLED)) {
    for (const [name, load] of Object.entries(strategies)) registry.lazy(kind as StrategyKind, name, load)
  }
}
