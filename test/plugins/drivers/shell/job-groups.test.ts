import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { childrenOf, computes } from '../../../../plugins/drivers/shell/job-groups.ts'
import { until } from '../../../support/driver-harness.ts'

/** Runs a shell with `script`, and ends it with all it has started. */
async function withShell(script: string, work: (pid: number) => Promise<void>): Promise<void> {
  const shell = spawn('sh', ['-c', script], { stdio: 'ignore', detached: true })
  try {
    await work(shell.pid!)
  } finally {
    process.kill(-shell.pid!, 'SIGKILL')
  }
}

describe('what is known of a shell that is to be interrupted', () => {
  it('is whether it computes, or waits for a child', async () => {
    await withShell('while :; do :; done', async (pid) => {
      for (let n = 0; n < 3; n++) await until(() => computes(pid))
    })
    await withShell('sleep 100; :', async (pid) => {
      await until(() => childrenOf(pid).length === 1)
      await until(() => !computes(pid))
    })
  })

  it('is nothing of one that has ended', () => {
    expect(computes(2 ** 22 + 1)).toBe(false)
    expect(childrenOf(2 ** 22 + 1)).toEqual([])
  })
})
