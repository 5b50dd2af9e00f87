import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import pidusage from '../../../plugins/metrics/pidusage.ts'
import { makeStrategy } from '../../support/strategies.ts'

/** How many descriptors of this process are open on the stat file of that one. */
function descriptorsOf(pid: number): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === `/proc/${pid}/stat`
    } catch {
      return false
    }
  }).length
}

async function startSleeper(): Promise<number> {
  const child = spawn('sleep', ['1000'])
  await once(child, 'spawn')
  onTestFinished(async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
  return child.pid!
}

/** A process that has ended, with a descriptor open on its stat file, as pidusage leaves one that ended before it was first read. */
async function lostDescriptor(): Promise<number> {
  const child = spawn('sleep', ['1000'])
  await once(child, 'spawn')
  openSync(`/proc/${child.pid!}/stat`, 'r')
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  expect(descriptorsOf(child.pid!)).toBe(1)
  return child.pid!
}

/** pidusage closes descriptors in the background. */
async function untilClosed(pid: number): Promise<void> {
  while (descriptorsOf(pid) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

// A file of its own: the timer of pidusage is set at its first use, and pidusage keeps descriptors for seconds. Its time is the
// one thing here that is not real, and the sampler's.
describe.runIf(process.platform === 'linux')('the descriptors of the sampler pidusage', () => {
  it('are one for each process, however many ask at once, and are given back when nobody asks any more', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { strategy: sampler } = await makeStrategy('metrics', 'pidusage', pidusage)
    const [pid, other] = [await startSleeper(), await startSleeper()]
    await Promise.all([sampler.sample([pid]), sampler.sample([pid, other]), sampler.sample([pid, pid])])
    await sampler.sample([other, pid])
    expect([descriptorsOf(pid), descriptorsOf(other)]).toEqual([1, 1])

    for (let seconds = 0; seconds < 30; seconds += 5) {
      vi.advanceTimersByTime(5_000)
      await sampler.sample([pid])
    }
    await untilClosed(other)
    expect(descriptorsOf(pid)).toBe(1)

    vi.advanceTimersByTime(15_001)
    await untilClosed(pid)
    // And can be had again.
    expect((await sampler.sample([pid])).size).toBe(1)
    vi.advanceTimersByTime(15_001)
    await untilClosed(pid)
  })

  it('are closed when pidusage has lost them, by one search every 15 s for all that were lost meanwhile', async () => {
    const { strategy: sampler, clock } = await makeStrategy('metrics', 'pidusage', pidusage)
    const pids = [await lostDescriptor(), await lostDescriptor(), await lostDescriptor()]
    const [early, later, last] = pids as [number, number, number]
    const open = (): number[] => pids.map(descriptorsOf)
    expect((await sampler.sample([early])).size).toBe(0)
    clock.advance(5_000)
    await sampler.sample([later, last])
    clock.advance(39_000)
    await sampler.sample([])
    // Until now pidusage itself might have given it back.
    expect(open()).toEqual([1, 1, 1])
    clock.advance(1_000)
    await sampler.sample([])
    expect(open()).toEqual([0, 1, 1])
    clock.advance(14_000)
    await sampler.sample([])
    expect(open()).toEqual([0, 1, 1])
    clock.advance(1_000)
    await sampler.sample([])
    expect(open()).toEqual([0, 0, 0])
  })

  it('are closed also when the sampler was closed meanwhile', async () => {
    const { strategy: sampler, clock } = await makeStrategy('metrics', 'pidusage', pidusage)
    const pid = await lostDescriptor()
    await sampler.sample([pid])
    sampler.close!()
    clock.advance(44_000)
    expect(descriptorsOf(pid)).toBe(1)
    clock.advance(1_000)
    expect(descriptorsOf(pid)).toBe(0)
  })
})
