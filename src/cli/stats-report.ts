import { formatDuration, formatSize, type Decision, type Percentiles, type PoolStats } from '../contracts/index.ts'
import type { RemoteSession } from './client.ts'
import { table, UNKNOWN } from './table.ts'

const RIGHT = new Set(['pid', 'age', 'idle', 'requests', 'memory', 'cpu'])

/** A server's figures for people. What is not known is `–`, never 0. */
export function statsReport(stats: PoolStats, sessions: readonly RemoteSession[], now: number): string {
  return `${poolReport(stats)}\n\n${sessions.length === 0 ? 'no sessions' : sessionTable(sessions, now)}`
}

/** The last decisions and their reasons, oldest first. */
export function decisionsReport(decisions: readonly Decision[]): string {
  if (decisions.length === 0) return 'no decisions yet'
  const rows = decisions.map(({ at, kind, sessionId, reason }) => [new Date(at).toISOString().slice(11, 23), kind, sessionId ?? '', reason])
  return table(['at', 'decision', 'session', 'reason'], rows)
}

function poolReport(stats: PoolStats): string {
  const { acquires, limits, scaling } = stats
  const rows = [
    ['pool', `${stats.state}, breaker ${stats.breaker}`],
    ['sessions', `${stats.size} live: ${stats.activeSessions} active, ${stats.idleSessions} idle, ${stats.starting} starting, `
      + `${stats.settling} settling, ${stats.checking} checking, ${stats.ending} ending; ${stats.parked} parked`],
    ['limits', `min ${limits.min}, max ${limits.max}, spare ${limits.spare}`],
    ['scaling', `${scaling.automatic ? 'automatic' : 'by hand'}, target ${scaling.target} (${scaling.reason})`],
    ['waiting', `${stats.waiting} callers`],
    ['acquires', `${acquires.sameKey} same key, ${acquires.sameTenant} same tenant, ${acquires.spare} spare, ${acquires.resumed} resumed, `
      + `${acquires.started} started; ${known(stats.reuseRatio, percent)} without a start; ${stats.refusals} refused`],
    ['requests', `${stats.requests} in all, ${figure(stats.throughputRps)}/s; ${stats.started} processes started, ${stats.crashes} crashed`],
    ['memory', `${known(stats.memoryUsage, formatSize)} in ${stats.measuredSessions} measured sessions`],
    ['cpu', `${known(stats.cpuUsage, cpu)} of one core`],
    ['wait', percentiles(stats.wait)],
    ['start', percentiles(stats.start)],
    ['request', percentiles(stats.request)],
  ]
  return rows.map(([name, text]) => `${name!.padEnd(10)}${text!}`).join('\n')
}

function sessionTable(sessions: readonly RemoteSession[], now: number): string {
  const rows = sessions.map((session) => [
    session.sessionId,
    session.status,
    session.tenant ?? UNKNOWN,
    session.key ?? UNKNOWN,
    known(session.pid, String),
    since(session.startTime, now),
    session.status === 'leased' ? UNKNOWN : since(session.lastUsed, now),
    String(session.requestCount),
    known(session.memoryUsage, formatSize),
    known(session.cpuUsage, cpu),
  ])
  return table(['session', 'status', 'tenant', 'key', 'pid', 'age', 'idle', 'requests', 'memory', 'cpu'], rows, RIGHT)
}

function known(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? UNKNOWN : format(value)
}

function since(time: string | undefined, now: number): string {
  return time === undefined ? UNKNOWN : formatDuration(Math.max(0, now - Date.parse(time)))
}

function percentiles(values: Percentiles | undefined): string {
  if (!values) return UNKNOWN
  return `p50 ${formatDuration(values.p50)}, p95 ${formatDuration(values.p95)}, p99 ${formatDuration(values.p99)}`
}

function percent(ratio: number): string {
  return `${figure(ratio * 100)}%`
}

function cpu(value: number): string {
  return `${figure(value)}%`
}

function figure(value: number): string {
  return String(Number(value.toFixed(1)))
}
