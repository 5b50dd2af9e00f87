import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Child, Spawner, SpawnSpec } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { childEnvironment } from './environment.ts'
import { ProcessChild } from './process-child.ts'
import { spawnProblem } from './spawn-problem.ts'
import { UnstartedChild } from './unstarted-child.ts'

/** The variable that marks every process of a session: descendants inherit it, also those that leave the process group. */
export const SESSION_MARKER = 'GREENROOM_SESSION'

/**
 * Starts real processes: no shell, three pipes, a process group of its own, an allow-list environment. What can't be started
 * becomes a child whose `exited` tells why; `spawn` never throws.
 */
export function createSpawner({ clock }: { clock: Clock }): Spawner {
  return { spawn: (spec) => start(spec, clock) }
}

function start(spec: SpawnSpec, clock: Clock): Child {
  const marker = randomUUID()
  const failed = (reason: Promise<unknown>): Child => new UnstartedChild(reason.then((thrown) => spawnProblem(thrown, spec)), marker)
  try {
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
    return pid === undefined ? failed(reason) : new ProcessChild(pid, child, marker, clock)
  } catch (thrown) {
    // The arguments can't be passed to any process, or are too long.
    return failed(Promise.resolve(thrown))
  }
}
