import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { holdKeeper } from '../../../src/process/keeper/host-keeper.ts'
import { HostProcesses } from '../../../src/process/host-processes.ts'
import { withinHang } from '../../support/driver-harness.ts'

/** Processes for one pool, and what was reported of them; closed when the test has ended. */
async function open(keeper: boolean): Promise<{ processes: HostProcesses; problems: string[] }> {
  const problems: string[] = []
  const processes = new HostProcesses({ clock: systemClock, report: (problem, where) => void problems.push(`${where}: ${String(problem)}`) })
  onTestFinished(() => processes.close())
  await processes.open({ stateDir: false, keeper })
  return { processes, problems }
}

function pretend(property: 'execPath' | 'platform', value: string): { stop(): void } {
  const before = Object.getOwnPropertyDescriptor(process, property)!
  Object.defineProperty(process, property, { ...before, value })
  const stop = (): void => void Object.defineProperty(process, property, before)
  onTestFinished(stop)
  return { stop }
}

describe('the keeper of a host', () => {
  it('is shared by its pools, and a new one is started when the last has let go', async () => {
    const holds = [await holdKeeper(systemClock, () => undefined), await holdKeeper(systemClock, () => undefined)]
    expect(holds[0]!.keeper).toBe(holds[1]!.keeper)
    const { pid } = holds[0]!.keeper
    for (const hold of holds) await hold.release()
    const next = await holdKeeper(systemClock, () => undefined)
    expect(next.keeper.pid).not.toBe(pid)
    await next.release()
  })

  it('that can not be started is done without, with one clear warning; the next pool tries again', async () => {
    const { stop } = pretend('execPath', '/no/such/node')
    const { processes, problems } = await open(true)
    stop()
    expect(problems).toEqual([expect.stringMatching(
      /^starting the keeper: Error: it can't be used: .*ENOENT.* Without it sessions are started by this process itself: .*; to do without it on purpose, set keeper to false$/,
    )])
    const child = processes.spawner.spawn({ command: 'true' })
    expect([child.started, child.pid]).toEqual([undefined, expect.any(Number)])
    await withinHang(child.exited)

    const again = await open(true)
    const kept = again.processes.spawner.spawn({ command: 'true' })
    expect(kept.pid).toBeUndefined()
    await kept.started
    expect(kept.pid).toEqual(expect.any(Number))
    await withinHang(kept.exited)
    expect(again.problems).toEqual([])
  })

  it('is not for Windows', async () => {
    const { stop } = pretend('platform', 'win32')
    await expect(holdKeeper(systemClock, () => undefined)).rejects.toThrow('Windows')
    stop()
  })

  it('is not started when it is not wanted', async () => {
    const { processes, problems } = await open(false)
    expect(processes.spawner.spawn({ command: 'true' }).pid).toEqual(expect.any(Number))
    expect(problems).toEqual([])
  })
})
