import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import pidusage from '../../../plugins/metrics/pidusage.ts'
import { makeStrategy } from '../../support/strategies.ts'

/** A descriptor such as pidusage loses: opened on the stat file of a process that has ended before the file was read. */
async function loseOne(): Promise<{ pid: number; descriptor: number }> {
  const child = spawn('cat')
  await once(child, 'spawn')
  const pid = child.pid!
  const descriptor = openSync(`/proc/${pid}/stat`, 'r')
  child.kill('SIGKILL')
  await once(child, 'close')
  return { pid, descriptor }
}

function isOpen(pid: number): boolean {
  return readdirSync('/proc/self/fd').some((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(`/proc/${pid}/stat`)
    } catch {
      return false
    }
  })
}

describe.runIf(process.platform === 'linux')('a descriptor that pidusage has lost', () => {
  it('is closed once pidusage would have given it back, and no other is', async () => {
    const { strategy: sampler, clock } = await makeStrategy('metrics', 'pidusage', pidusage)
    const [asked, other] = [await loseOne(), await loseOne()]
    await sampler.sample([asked.pid])
    clock.advance(44_999)
    await sampler.sample([])
    expect(isOpen(asked.pid)).toBe(true)
    clock.advance(1)
    await sampler.sample([])
    expect([isOpen(asked.pid), isOpen(other.pid)]).toEqual([false, true])
    closeSync(other.descriptor)
  })

  it('is closed after the sampler is', async () => {
    const { strategy: sampler, clock } = await makeStrategy('metrics', 'pidusage', pidusage)
    const { pid } = await loseOne()
    await sampler.sample([pid])
    sampler.close?.()
    expect(isOpen(pid)).toBe(true)
    clock.advance(45_000)
    expect(isOpen(pid)).toBe(false)
  })
})
