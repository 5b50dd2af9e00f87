import { spawn } from 'node:child_process'
import type { Child, Spawner, SpawnSpec } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { childEnvironment } from './environment.ts'
import { newPoolMarker, SESSION_MARKER } from './marker.ts'
import { ProcessChild } from './process-child.ts'
import { spawnProblem } from './spawn-problem.ts'
import { hostTable, type ProcessTable } from './tree/process-table.ts'
import { SessionTrees, type TreeLedger } from './tree/session-trees.ts'
import { UnstartedChild } from './unstarted-child.ts'

export { SESSION_MARKER } from './marker.ts'

export interface SpawnerOptions {
  readonly clock: Clock
  /** Where processes are looked up; Default: the one all spawners of this clock share. */
  readonly table?: ProcessTable
  /** Hears of processes that could not be ended. Default: nobody does. */
  readonly report?: (problem: Error, where: string) => void
  /** Takes note of what was started and what is gone. */
  readonly ledger?: TreeLedger
  /**
   * Has a process started by somebody else, the keeper; `undefined`: not now. Asked at each start.
   * @internal
   */
  readonly delegate?: (spec: SpawnSpec, context: DelegateContext) => Child | undefined
}

/**
 * What a process that somebody else starts has in common with the others of its spawner.
 * @internal
 */
export interface DelegateContext {
  readonly marker: string
  readonly clock: Clock
  readonly table: ProcessTable
  readonly trees: SessionTrees
}

/**
 * Starts real processes: no shell, three pipes, a process group of its own, an allow-list environment. What can't be started
 * becomes a child whose `exited` tells why; `spawn` never throws.
 */
export function createSpawner({ clock, table = hostTable(clock), report = () => undefined, ledger, delegate }: SpawnerOptions): Spawner {
  const trees = new SessionTrees({ table, clock, report, ledger, marker: newPoolMarker() })
  return {
    spawn: (spec) => start(spec, { marker: trees.newMarker(), clock, table, trees }, delegate),
    clear: (boundMs) => trees.clear(boundMs),
  }
}

function start(spec: SpawnSpec, context: DelegateContext, delegate: SpawnerOptions['delegate']): Child {
  const { marker, clock, table, trees } = context
  const failed = (reason: Promise<unknown>): Child => new UnstartedChild(reason.then((thrown) => spawnProblem(thrown, spec)), marker)
  try {
    const delegated = delegate?.(spec, context)
    if (delegated) return delegated
    const child = spawn(spec.command, spec.args ?? [], {
      cwd: spec.cwd,
      env: { ...childEnvironment(spec), [SESSION_MARKER]: marker },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    // Without a pid there may be no pipes either (too many open files): the reason comes as an event in the next tick.
    const reason = new Promise<unknown>((resolve) => child.on('error', resolve))
    const { pid } = child
    if (pid === undefined) return failed(reason)
    const started = new ProcessChild(child, { marker, clock, trees })
    started.begin(pid, startTimeOf(pid, table))
    child.once('exit', (code, signal) => started.end({ code, signal }))
    return started
  } catch (thrown) {
    // The arguments can't be passed to any process, or are too long.
    return failed(Promise.resolve(thrown))
  }
}

/** It has not been collected yet, so that the process of this id is ours. */
function startTimeOf(pid: number, table: ProcessTable): number | undefined {
  try {
    return table.identify(pid)?.startTime
  } catch {
    // Too many open files, say. It is known by its id as long as that can't be another's.
    return undefined
  }
}
