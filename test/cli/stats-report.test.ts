import { describe, expect, it } from 'vitest'
import type { RemoteSession } from '../../src/cli/client.ts'
import { decisionsReport, statsReport } from '../../src/cli/stats-report.ts'
import type { PoolStats } from '../../src/contracts/index.ts'

const NOW = Date.parse('2024-05-01T12:00:00Z')

const STATS: PoolStats = {
  size: 2, activeSessions: 1, idleSessions: 1, starting: 0, settling: 0, checking: 0, ending: 0, parked: 0, waiting: 0,
  measuredSessions: 0, throughputRps: 0, acquires: { sameKey: 0, sameTenant: 0, spare: 0, resumed: 0, started: 0 },
  requests: 0, started: 2, crashes: 0, refusals: 0, scaling: { automatic: true, target: 2, reason: 'one spare' },
  breaker: 'closed', state: 'open', limits: { min: 0, max: 10, spare: 1 },
}

const SESSIONS: RemoteSession[] = [
  { sessionId: 's-1', pid: 4711, startTime: '2024-05-01T11:58:00Z', lastUsed: '2024-05-01T11:59:30Z', requestCount: 12, memoryUsage: 52_428_800, cpuUsage: 1.25, status: 'idle', tenant: 'acme', key: 'k' },
  { sessionId: 's-20', startTime: '2024-05-01T12:00:00Z', requestCount: 0, status: 'starting' },
]

function rowOf(report: string, name: string): string {
  return report.split('\n').find((row) => row.startsWith(`${name} `))!
}

describe('statsReport', () => {
  it('shows what is not known as –, never as 0', () => {
    const report = statsReport(STATS, [], NOW)
    expect(rowOf(report, 'memory')).toContain('– in 0 measured sessions')
    expect(rowOf(report, 'cpu')).toContain('– of one core')
    expect(rowOf(report, 'wait')).toMatch(/^wait +–$/)
    expect(rowOf(report, 'acquires')).toContain('– without a start')
    expect(report).toContain('no sessions')
  })

  it('shows figures in units for people', () => {
    const measured = { ...STATS, memoryUsage: 419_430_400, cpuUsage: 37.25, measuredSessions: 2, reuseRatio: 0.954, wait: { p50: 0.21, p95: 30, p99: 1_500 } }
    const report = statsReport(measured, [], NOW)
    expect(rowOf(report, 'memory')).toContain('400MB in 2 measured sessions')
    expect(rowOf(report, 'cpu')).toContain('37.3% of one core')
    expect(rowOf(report, 'wait')).toContain('p50 0.2ms, p95 30ms, p99 1.5s')
    expect(rowOf(report, 'acquires')).toContain('95.4% without a start')
  })

  it('has a line for each session, in columns', () => {
    const [heading, first, second] = statsReport(STATS, SESSIONS, NOW).split('\n').slice(-3)
    expect(first!.split(/ {2,}/)).toEqual(['s-1', 'idle', 'acme', 'k', '4711', '2m', '30s', '12', '50MB', '1.3%'])
    expect(second!.split(/ {2,}/)).toEqual(['s-20', 'starting', '–', '–', '–', '0ms', '–', '0', '–', '–'])
    expect(heading!.indexOf('memory') + 'memory'.length).toBe(first!.indexOf('50MB') + '50MB'.length)
  })
})

describe('decisionsReport', () => {
  it('has a line for each decision, with its reason', () => {
    const report = decisionsReport([{ at: NOW, kind: 'evict', sessionId: 's-1', reason: 'least recently used' }, { at: NOW, kind: 'scale', reason: 'quiet' }])
    expect(report).toContain('12:00:00.000  evict     s-1      least recently used')
    expect(decisionsReport([])).toBe('no decisions yet')
  })
})
