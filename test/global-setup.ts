import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leftovers, type FoundProcess } from './support/leaks.ts'

/** How long processes that are on their way out may take. */
const GRACE_MS = 5_000

/**
 * Marks the environment of this run, and proves at its end that no process the run started is left: neither one that
 * inherited the mark, nor a session (whose environment is an allow-list without it) that has lost its owner.
 */
export default function setup(): () => Promise<void> {
  const id = randomUUID()
  process.env['GREENROOM_TEST_RUN'] = id
  // The register of live sessions of whoever runs the tests is none of theirs.
  const state = mkdtempSync(join(tmpdir(), 'greenroom-test-state-'))
  process.env['GREENROOM_STATE_DIR'] = state
  const run = `GREENROOM_TEST_RUN=${id}`
  const before = new Set(leftovers(run).map(({ pid }) => pid))
  return async () => {
    rmSync(state, { recursive: true, force: true })
    let left: FoundProcess[] = []
    for (const end = performance.now() + GRACE_MS; performance.now() < end; await sleep(100)) {
      left = leftovers(run).filter(({ pid }) => !before.has(pid))
      if (left.length === 0) return
    }
    for (const { pid } of left) kill(pid)
    // Vitest prints what a teardown throws, but its exit code does not change for it.
    process.exitCode = 1
    const list = left.map(({ pid, command }) => `  ${pid}  ${command}`).join('\n')
    throw new Error(`${left.length} processes outlived the tests that started them (they have been killed now):\n${list}`)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself after it was listed.
  }
}
