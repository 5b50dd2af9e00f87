import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { keeperProgramPath } from '../../../src/process/keeper/keeper-program-path.ts'
import { KeeperProcess } from '../../../src/process/keeper/keeper-process.ts'
import type { FromKeeper } from '../../../src/process/keeper/protocol.ts'
import { until, withinHang } from '../../support/driver-harness.ts'
import { isRunning } from '../../support/is-running.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

async function program(source: string): Promise<string> {
  const file = join(await tempFolder(), 'program.mjs')
  writeFileSync(file, source)
  return file
}

async function started(clock = systemClock as typeof systemClock | ManualClock) {
  const heard: FromKeeper[] = []
  const lost: string[] = []
  const keeper = await KeeperProcess.start(keeperProgramPath(), clock, { message: (message) => void heard.push(message), lost: (how) => void lost.push(how) })
  onTestFinished(() => keeper.leave())
  return { keeper, heard, lost }
}

const deaf = { message: () => undefined, lost: () => undefined }

describe('a keeper process', () => {
  it('is there when it was started, and leaves when it is told to', async () => {
    const { keeper, lost } = await started()
    expect(isRunning(keeper.pid)).toBe(true)
    await withinHang(keeper.leave())
    expect([isRunning(keeper.pid), lost]).toEqual([false, []])
  })

  it('that is killed is reported, with how it ended', async () => {
    const { keeper, lost } = await started()
    keeper.kill()
    await until(() => lost.length === 1)
    expect(lost).toEqual(['was killed by SIGKILL'])
    keeper.send({ type: 'ping' })
    keeper.holdHost(true)
    keeper.holdHost(false)
  })

  it('that hangs is killed, but not one that only had no time to be heard', async () => {
    const clock = new ManualClock()
    const { keeper, lost } = await started(clock)
    for (let n = 0; n < 3; n++) {
      // Two questions at once are answered by what was said to the first.
      clock.advance(10_000)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(lost).toEqual([])
    process.kill(keeper.pid, 'SIGSTOP')
    clock.advance(10_000)
    expect(isRunning(keeper.pid)).toBe(true)
    clock.advance(5_000)
    await until(() => lost.length === 1)
  })

  it('that ignores that it may leave is killed', async () => {
    const clock = new ManualClock()
    const { keeper, lost } = await started(clock)
    process.kill(keeper.pid, 'SIGSTOP')
    const left = keeper.leave()
    clock.advance(3_000)
    await withinHang(left)
    expect([isRunning(keeper.pid), lost, clock.pending]).toEqual([false, [], 0])
  })

  it.each([
    ['ends at once', 'console.error("no licence"); process.exit(3)', /^it exited with code 3.*no licence/s],
    ['is of another build', 'process.send({ type: "listening", protocol: 0 }); setInterval(() => {}, 1000)', /another build/],
  ])('that %s can not be started, and that is why', async (_what, source, message) => {
    await expect(KeeperProcess.start(await program(source), systemClock, deaf)).rejects.toThrow(message)
  })

  it('that never listens is given up', async () => {
    const clock = new ManualClock()
    const start = KeeperProcess.start(await program('setInterval(() => {}, 1000)'), clock, deaf)
    clock.advance(10_000)
    await expect(start).rejects.toThrow('did not listen within 10000 ms')
    expect(clock.pending).toBe(0)
  })

  it('can not be started without a program to run it', async () => {
    const { execPath } = process
    onTestFinished(() => void (process.execPath = execPath))
    process.execPath = '/no/such/node'
    await expect(KeeperProcess.start(keeperProgramPath(), systemClock, deaf)).rejects.toThrow('ENOENT')
  })
})
