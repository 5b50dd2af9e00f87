import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leftovers, type FoundProcess, type TestRun } from './support/leaks.ts'

/** How long processes that are on their way out may take. */
const GRACE_MS = 5_000

/**
 * Marks the environment of this run, and proves at its end that no process the run started is left: neither one that
 * inherited the mark, nor a session (whose environment is an allow-list without it) that has lost its owner. Whatever another run,
 * or anybody else, has started is let be.
 */
export default function setup(): () => Promise<void> {
  // The sessions of the run know it by the folder: TMPDIR is on their list.
  const run: TestRun = { id: randomUUID(), folder: mkdtempSync(join(tmpdir(), 'greenroom-run-')) }
  process.env['GREENROOM_TEST_RUN'] = run.id
  if (process.platform === 'linux') process.env['TMPDIR'] = run.folder
  // The register of live sessions of whoever runs the tests is none of theirs.
  const state = join(run.folder, 'state')
  mkdirSync(state)
  process.env['GREENROOM_STATE_DIR'] = state
  return async () => {
    let left: FoundProcess[] = leftovers(run)
    for (const end = performance.now() + GRACE_MS; left.length > 0 && performance.now() < end; left = leftovers(run)) await sleep(100)
    for (const { pid } of left) kill(pid)
    rmSync(run.folder, { recursive: true, force: true })
    if (left.length === 0) return
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
