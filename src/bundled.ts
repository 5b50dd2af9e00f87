import type { LoadPlugin, StrategyRegistry } from './kernel/strategy-registry.ts'
import type { StrategyKind } from './contracts/index.ts'

/** The strategies that come with greenroom. Each is loaded when a config names it. */
const BUNDLED = {
  driver: {
    acp: () => import('../plugins/drivers/acp.ts'),
    'claude-code': () => import('../plugins/drivers/claude-code.ts'),
    'json-lines': () => import('../plugins/drivers/json-lines.ts'),
    'json-rpc': () => import('../plugins/drivers/json-rpc.ts'),
    lsp: () => import('../plugins/drivers/lsp.ts'),
    mcp: () => import('../plugins/drivers/mcp.ts'),
    'node-repl': () => import('../plugins/drivers/node-repl.ts'),
    'python-repl': () => import('../plugins/drivers/python-repl.ts'),
    shell: () => import('../plugins/drivers/shell.ts'),
  },
  balancer: {
    'best-of-all': () => import('../plugins/balancers/best-of-all.ts'),
    'bounded-hash': () => import('../plugins/balancers/bounded-hash.ts'),
    'least-loaded': () => import('../plugins/balancers/least-loaded.ts'),
    'least-recently-used': () => import('../plugins/balancers/least-recently-used.ts'),
    'most-recently-used': () => import('../plugins/balancers/most-recently-used.ts'),
    'peak-ewma': () => import('../plugins/balancers/peak-ewma.ts'),
    'power-of-two': () => import('../plugins/balancers/power-of-two.ts'),
    random: () => import('../plugins/balancers/random.ts'),
    'round-robin': () => import('../plugins/balancers/round-robin.ts'),
  },
  scaler: {
    demand: () => import('../plugins/scalers/demand.ts'),
    forecast: () => import('../plugins/scalers/forecast.ts'),
    max: () => import('../plugins/scalers/max.ts'),
    min: () => import('../plugins/scalers/min.ts'),
    panic: () => import('../plugins/scalers/panic.ts'),
    schedule: () => import('../plugins/scalers/schedule.ts'),
    utilization: () => import('../plugins/scalers/utilization.ts'),
  },
  health: {
    all: () => import('../plugins/health/all.ts'),
    any: () => import('../plugins/health/any.ts'),
    command: () => import('../plugins/health/command.ts'),
    'memory-trend': () => import('../plugins/health/memory-trend.ts'),
    ping: () => import('../plugins/health/ping.ts'),
    process: () => import('../plugins/health/process.ts'),
  },
  metrics: {
    opentelemetry: () => import('../plugins/metrics/opentelemetry.ts'),
    pidusage: () => import('../plugins/metrics/pidusage.ts'),
    procfs: () => import('../plugins/metrics/procfs.ts'),
    prometheus: () => import('../plugins/metrics/prometheus.ts'),
  },
  limit: {
    cgroup: () => import('../plugins/limits/cgroup.ts'),
    cpu: () => import('../plugins/limits/cpu.ts'),
    memory: () => import('../plugins/limits/memory.ts'),
    output: () => import('../plugins/limits/output.ts'),
    prlimit: () => import('../plugins/limits/prlimit.ts'),
    processes: () => import('../plugins/limits/processes.ts'),
  },
  admission: { gradient2: () => import('../plugins/admission/gradient2.ts') },
  queue: {
    fair: () => import('../plugins/queues/fair.ts'),
    fifo: () => import('../plugins/queues/fifo.ts'),
    priority: () => import('../plugins/queues/priority.ts'),
  },
  evictor: {
    'greedy-dual': () => import('../plugins/evictors/greedy-dual.ts'),
    'hybrid-histogram': () => import('../plugins/evictors/hybrid-histogram.ts'),
    learned: () => import('../plugins/evictors/learned.ts'),
    lru: () => import('../plugins/evictors/lru.ts'),
    ttl: () => import('../plugins/evictors/ttl.ts'),
  },
  restart: { backoff: () => import('../plugins/restart/backoff.ts') },
  store: { memory: () => import('../plugins/stores/memory.ts'), sqlite: () => import('../plugins/stores/sqlite.ts') },
  gateway: { http: () => import('../plugins/gateways/http.ts') },
} satisfies Record<StrategyKind, Record<string, LoadPlugin>>

/** The bundled strategies by kind and name. Its type carries the plugins' option types into the programs of users. */
export type BundledStrategies = typeof BUNDLED

export function registerBundled(registry: StrategyRegistry): void {
  for (const [kind, strategies] of Object.entries(BUNDLED)) {
    for (const [name, load] of Object.entries(strategies)) registry.lazy(kind as StrategyKind, name, load)
  }
}
