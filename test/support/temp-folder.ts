import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder of the test's own, removed when the test has ended, after all that the test set up later is gone. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'greenroom-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
