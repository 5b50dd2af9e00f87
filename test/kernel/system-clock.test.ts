import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'

const after = (ms: number, options?: { background?: boolean }): Promise<void> =>
  new Promise((resolve) => void systemClock.setTimer(resolve, ms, options))

describe('systemClock', () => {
  it('never runs backwards, and tells the time people read', () => {
    const first = systemClock.now()
    expect(systemClock.now()).toBeGreaterThanOrEqual(first)
    expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(5_000)
  })

  it('fires a timer once its delay has passed', async () => {
    const before = systemClock.now()
    await after(20)
    // Node may be a millisecond early.
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(18)
  })

  it('never fires a cancelled timer, however often it is cancelled', async () => {
    let fired = false
    const timer = systemClock.setTimer(() => (fired = true), 1)
    timer.cancel()
    timer.cancel()
    await after(15)
    expect(fired).toBe(false)
  })

  it('does not fire at once when the delay is longer than setTimeout takes', async () => {
    let fired = false
    const timers = [2 ** 31, 2 ** 40, Infinity].map((delay) => systemClock.setTimer(() => (fired = true), delay))
    await after(15)
    for (const timer of timers) timer.cancel()
    expect(fired).toBe(false)
  })

  it('lets the host end while only background timers are pending', () => {
    // The very semantics that SystemTimer relies on, in a host of its own.
    const run = spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 60_000).unref()'], { timeout: 20_000 })
    expect(run.status).toBe(0)
    const handles = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = handles()
    const timer = systemClock.setTimer(() => undefined, 60_000, { background: true })
    expect(handles()).toBe(before)
    timer.cancel()
    const foreground = systemClock.setTimer(() => undefined, 60_000)
    expect(handles()).toBe(before + 1)
    foreground.cancel()
    expect(handles()).toBe(before)
  })
})
