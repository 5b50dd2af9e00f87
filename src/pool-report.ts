import type { PoolStats, SessionMetrics } from './contracts/index.ts'
import type { Houses } from './houses.ts'
import type { Session } from './pool/session.ts'
import { sparesAskedFor } from './pool/spares.ts'

/** The figures of `getPoolStats`. O(sessions). */
export function poolStats({ env, roster, capacity: { affordable }, allocator, gate, scaling }: Houses, state: PoolStats['state']): PoolStats {
  const { statistics, settings, store } = env
  const { counts } = roster
  const { min, max } = settings.size
  const { acquires, reuseRatio } = statistics
  const wait = statistics.wait.percentiles
  const start = statistics.start.percentiles
  const request = statistics.request.percentiles
  return {
    size: roster.live,
    activeSessions: counts.leased,
    idleSessions: counts.idle,
    starting: counts.starting,
    settling: counts.settling,
    checking: counts.checking,
    ending: counts.ending,
    parked: store.size,
    waiting: allocator.line.size,
    ...usageOf(roster.sessions.values()),
    throughputRps: statistics.throughputRps,
    acquires: {
      sameKey: acquires['same-key'],
      sameTenant: acquires['same-tenant'],
      spare: acquires.spare,
      resumed: acquires.resumed,
      started: acquires.started,
    },
    ...(reuseRatio !== undefined && { reuseRatio }),
    requests: statistics.requests,
    started: statistics.started,
    crashes: statistics.crashes,
    refusals: statistics.refusals,
    ...(wait && { wait }),
    ...(start && { start }),
    ...(request && { request }),
    scaling: scaling.state,
    breaker: gate.state,
    state,
    limits: { min, max, spare: sparesAskedFor(settings.size, roster.busy), ...(affordable !== undefined && { affordable }) },
  }
}

/** The figures of `getSessionMetrics`. O(sessions). */
export function sessionMetrics({ roster, origin }: Houses): SessionMetrics[] {
  return [...roster.sessions.values()].map((session) => ({
    sessionId: session.id,
    ...(session.pid !== undefined && { pid: session.pid }),
    startTime: new Date(origin + session.startedAt),
    ...(session.leaseCount > 0 && { lastUsed: new Date(origin + session.lastUsedAt) }),
    requestCount: session.requestCount,
    ...(session.usage?.memoryBytes !== undefined && { memoryUsage: session.usage.memoryBytes }),
    ...(session.usage?.cpuPercent !== undefined && { cpuUsage: session.usage.cpuPercent }),
    status: session.state,
    ...(session.tenant !== undefined && { tenant: session.tenant }),
    ...(session.key !== undefined && { key: session.key }),
  }))
}

/** Sums over what was measured; a sum of nothing is not 0 but unknown (INV 27). */
function usageOf(sessions: Iterable<Session>): Pick<PoolStats, 'memoryUsage' | 'cpuUsage' | 'measuredSessions'> {
  let memoryUsage: number | undefined
  let cpuUsage: number | undefined
  let measuredSessions = 0
  for (const { usage } of sessions) {
    if (!usage) continue
    measuredSessions++
    if (usage.memoryBytes !== undefined) memoryUsage = (memoryUsage ?? 0) + usage.memoryBytes
    if (usage.cpuPercent !== undefined) cpuUsage = (cpuUsage ?? 0) + usage.cpuPercent
  }
  return { ...(memoryUsage !== undefined && { memoryUsage }), ...(cpuUsage !== undefined && { cpuUsage }), measuredSessions }
}
