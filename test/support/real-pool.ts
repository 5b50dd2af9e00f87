import { readdirSync, readFileSync } from 'node:fs'
import { createPool, definePlugin, type EndReason, type Lease, type Pool, type PoolConfig } from 'greenroom'
import type { ReplResult } from 'greenroom/plugins/drivers/node-repl'
import { expect, onTestFinished } from 'vitest'
import { isRunning } from './is-running.ts'

export interface RealPool {
  readonly pool: Pool
  /** Every process the pool has started so far. */
  readonly pids: ReadonlySet<number>
  /** Why sessions were ended, by their ids. */
  readonly endings: ReadonlyMap<string, EndReason>
  /** What was reported through the hook `problem`. A test that expects some takes them out. */
  readonly problems: string[]
}

/**
 * A pool of real processes, closed when the test has ended; that fails if a process, or a problem nobody heard of, is left.
 * Health is checked only if the config says so: a probe at a time of its own would show in counts of idle sessions.
 */
export async function openPool(config: PoolConfig): Promise<RealPool> {
  const pids = new Set<number>()
  const endings = new Map<string, EndReason>()
  const problems: string[] = []
  const witness = definePlugin({
    name: 'witness',
    apply({ hooks }) {
      hooks.state.tap('witness', ({ id, pid }, _from, to, reason) => {
        if (pid !== undefined) pids.add(pid)
        if (to === 'ending' && reason !== undefined) endings.set(id, reason)
      })
      hooks.problem.tap('witness', (problem, where) => void problems.push(`${where}: ${String(problem)}`))
    },
  })
  const pool = await createPool({ health: false, ...config, plugins: [...(config.plugins ?? []), witness] })
  onTestFinished(async () => {
    await pool.close({ grace: 0 })
    expect({ problems, left: [...pids].filter(isAlive) }).toEqual({ problems: [], left: [] })
  })
  return { pool, pids, endings, problems }
}

/** True while the process runs: one that has ended and was not collected by its parent does not. */
export function isAlive(pid: number): boolean {
  if (!isRunning(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
  } catch {
    return false
  }
}

/** The processes that have one of these sessions' marks in their environment: their programs, and all their descendants. */
export function processesMarked(marks: ReadonlySet<string>): number[] {
  return readdirSync('/proc').map(Number).filter((pid) => {
    const mark = pid > 0 ? markOf(pid) : undefined
    return mark !== undefined && marks.has(mark)
  })
}

/** The mark of the session that this process belongs to. */
export function markOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').find((entry) => entry.startsWith('GREENROOM_SESSION='))
  } catch {
    return undefined
  }
}

/** The process of a lease's session. */
export function pidOf(pool: Pool, { sessionId }: { readonly sessionId: string }): number {
  const pid = pool.getSessionMetrics().find((session) => session.sessionId === sessionId)?.pid
  if (pid === undefined) throw new Error(`session ${sessionId} is gone`)
  return pid
}

/** Runs code in an interpreter session; its value. What the code throws is thrown. */
export async function evaluate(lease: Pick<Lease, 'request'>, code: string): Promise<unknown> {
  const { value, error } = await lease.request<ReplResult>({ code })
  if (error) throw new Error(`${error.name}: ${error.message}`)
  return value
}

/** Code that never comes to its end, and waits. */
export const FOREVER = 'await new Promise(() => setInterval(() => undefined, 1000))'

/** Resolves when `check` is true; the time limit of the test is its bound. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!await check()) await new Promise((resolve) => setTimeout(resolve, 5))
}
