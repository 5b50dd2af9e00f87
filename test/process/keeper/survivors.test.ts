import { describe, expect, it, onTestFinished } from 'vitest'
import { Survivors } from '../../../src/process/keeper/survivors.ts'
import type { ProcessTable } from '../../../src/process/tree/process-table.ts'
import { until } from '../../support/driver-harness.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { startShell, table } from '../../support/tree-fixtures.ts'

describe('survivors', () => {
  it('are noticed when they have ended, once, and not before; then nobody looks any more', async () => {
    const clock = new ManualClock()
    const survivors = new Survivors(clock, table)
    const [one, other] = await Promise.all([startShell(''), startShell('')])
    let ended = 0
    survivors.watch({ pid: one.pid, startTime: table.identify(one.pid)?.startTime }, () => ended++)
    survivors.watch({ pid: other.pid, startTime: undefined }, () => (ended += 100))
    clock.advance(1_000)
    expect(ended).toBe(0)
    one.signalGroup('SIGKILL')
    await one.exited
    clock.advance(100)
    expect(ended).toBe(1)
    other.signalGroup('SIGKILL')
    await other.exited
    clock.advance(1_000)
    expect([ended, clock.pending]).toEqual([101, 0])
  })

  it.runIf(process.platform === 'linux')('are not taken for others of the same number', async () => {
    const clock = new ManualClock()
    const survivors = new Survivors(clock, table)
    const stranger = await startShell('')
    let ended = 0
    survivors.watch({ pid: stranger.pid, startTime: 1 }, () => ended++)
    clock.advance(100)
    expect(ended).toBe(1)
  })

  it('are looked at at once when something of them has ended', async () => {
    const clock = new ManualClock()
    const survivors = new Survivors(clock, table)
    const shell = await startShell('')
    const watched = { pid: shell.pid, startTime: undefined }
    let ended = 0
    survivors.watch(watched, () => ended++)
    survivors.look(watched)
    expect(ended).toBe(0)
    shell.signalGroup('SIGKILL')
    await shell.exited
    survivors.look(watched)
    survivors.look(watched)
    survivors.look({ pid: shell.pid, startTime: undefined })
    expect(ended).toBe(1)
  })

  it('that can not be seen now are not taken for gone', async () => {
    const clock = new ManualClock()
    let blind = true
    const mayBe = (): boolean => {
      if (blind) throw new Error('too many open files')
      return false
    }
    const survivors = new Survivors(clock, { mayBe } as unknown as ProcessTable)
    let ended = 0
    survivors.watch({ pid: process.pid, startTime: 1 }, () => ended++)
    clock.advance(1_000)
    expect(ended).toBe(0)
    blind = false
    clock.advance(1_000)
    await until(() => ended === 1)
    onTestFinished(() => expect(clock.pending).toBe(0))
  })
})
