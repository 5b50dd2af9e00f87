import type { Child, SpawnSpec } from '../../contracts/index.ts'
import { systemClock } from '../../kernel/system-clock.ts'
import { endChild } from '../../process/ending.ts'
import { createSpawner } from '../../process/spawner.ts'
import { fail, outcome, PATIENCE_MS, settled } from './rules.ts'

const STEP_MS = 2_000

/** Starts real processes for one case, and ends them all. */
export class TestProcesses {
  readonly #spawner = createSpawner({ clock: systemClock })
  readonly #children: Child[] = []

  spawn(spec: SpawnSpec): Child {
    const child = this.#spawner.spawn(spec)
    this.#children.push(child)
    return child
  }

  /** A Node.js process that does `first`, says so, and goes on with `then`; resolves when it has said so. */
  async node(then: string, first = ''): Promise<Child & { pid: number }> {
    const child = this.spawn({ command: process.execPath, args: ['-e', `${first}; process.stdout.write('running\\n'); ${then}`] })
    const running = new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve())
      void child.exited.then((exit) => reject(exit.error ?? new Error(`it ended: ${child.stderrTail()}`)))
    })
    await settled('the start of a test process', () => running)
    if (child.pid === undefined) fail('A test process could not be started')
    return child as Child & { pid: number }
  }

  /** SIGKILLs a process and waits until it is gone. */
  async kill(child: Child): Promise<void> {
    child.signal('SIGKILL')
    await settled('the end of a killed process', () => child.exited)
  }

  async close(): Promise<void> {
    const ended = this.#children.splice(0).map((child) => endChild(child, { clock: systemClock, stepMs: STEP_MS, immediate: true }))
    await outcome('the end of the test processes', () => Promise.all(ended), 3 * PATIENCE_MS)
  }
}
