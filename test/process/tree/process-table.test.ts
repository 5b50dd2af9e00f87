import { spawn } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { ProcessTable, findTree, hostTable } from '../../../src/kit.ts'
import { PsReader } from '../../../src/process/tree/ps-reader.ts'
import type { ProcessReader } from '../../../src/process/tree/proc-reader.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { until } from '../../support/driver-harness.ts'
import { marked, startShell, table } from '../../support/tree-fixtures.ts'

function counted(): { reader: ProcessReader; looks: () => number } {
  let looks = 0
  return { looks: () => looks, reader: { limitations: [], read: async () => (looks++, []) } }
}

describe('the table of processes', () => {
  it('finds this process, with its parent, and a child in its own group', async () => {
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env: { TMPDIR: process.env['TMPDIR'], GREENROOM_SESSION: 'm1' } })
    onTestFinished(() => void child.kill('SIGKILL'))
    // Between fork and exec it has its parent's environment still.
    await until(() => table.lookNow().get(child.pid!)?.marker === 'm1')
    const snapshot = await table.look()
    expect(snapshot.get(process.pid)).toMatchObject({ ppid: process.ppid, alive: true, marker: undefined })
    expect(snapshot.get(child.pid!)).toMatchObject({ ppid: process.pid, pgid: child.pid, marker: 'm1' })
    const { startTime } = snapshot.get(child.pid!)!
    expect(table.identify(child.pid!)).toEqual({ pid: child.pid, startTime })
    expect([table.mayBe({ pid: child.pid!, startTime }), table.mayBe({ pid: child.pid!, startTime: startTime + 1 })]).toEqual([true, false])
    expect(table.limitations().length).toBeGreaterThan(0)
  })

  it.runIf(process.platform === 'linux')('counts a zombie as gone, and one that is stopped as alive', async () => {
    const child = await startShell('(sleep 0.01 & exec sleep 1000) & sleep 1000 & kill -STOP $!')
    await until(() => {
      const snapshot = table.lookNow()
      return [...snapshot.entries.values()].some(({ alive, ppid }) => !alive && snapshot.get(ppid)?.marker === child.marker)
    })
    const members = await marked(child)
    expect(members.map(({ alive, stopped }) => `${alive} ${stopped}`).sort()).toEqual(['true false', 'true false', 'true false', 'true true'])
  })

  it('shares one look among all who ask before it begins', async () => {
    const { reader, looks } = counted()
    const shared = new ProcessTable({ clock: systemClock, reader })
    const first = await Promise.all(Array.from({ length: 100 }, () => shared.look()))
    expect(new Set(first).size).toBe(1)
    expect(looks()).toBe(1)
    // Who asks while a look is under way gets the next: what happened since must be in it.
    const under = shared.look()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await shared.look()).not.toBe(first[0])
    await under
    expect(hostTable(systemClock)).toBe(hostTable(systemClock))
  })

  it('rests after a look for four times as long as the look took', async () => {
    const clock = new ManualClock()
    let looks = 0
    const reader: ProcessReader = { limitations: [], read: async () => (looks++, clock.advance(10), []) }
    const resting = new ProcessTable({ clock, reader })
    await resting.look()
    const next = resting.look()
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(39)
    await new Promise((resolve) => setImmediate(resolve))
    expect(looks).toBe(1)
    clock.advance(1)
    await next
    expect(looks).toBe(2)
  })

  it('passes on what kept it from seeing, and can look again', async () => {
    let fail = true
    const reader: ProcessReader = {
      limitations: [],
      read: async () => {
        if (fail) throw new Error('EMFILE')
        return []
      },
    }
    const failing = new ProcessTable({ clock: systemClock, reader, restless: true })
    await expect(failing.look()).rejects.toThrow('EMFILE')
    fail = false
    expect((await failing.look()).entries.size).toBe(0)
  })

  it('sees nothing, and says so, where processes can not be listed', async () => {
    Object.defineProperty(process, 'platform', { value: 'win32' })
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: PLATFORM }))
    const none = new ProcessTable({ clock: systemClock })
    expect([table.sees, none.sees]).toEqual([true, false])
    expect((await none.look()).entries.size).toBe(0)
    expect([none.lookNow().entries.size, none.identify(1), none.mayBe({ pid: 1, startTime: 1 })]).toEqual([0, undefined, true])
    expect(await none.descendantsOf(1, () => true)).toEqual([])
    expect(none.limitations()[0]).toContain('not its descendants')
  })

  it.runIf(process.platform === 'linux')('walks from parent to child, also for very many who ask at once', async () => {
    const child = await startShell('sleep 1000 & setsid env -i sleep 1000 &')
    const ids = await Promise.all(Array.from({ length: 50 }, () => table.descendantsOf(child.pid, () => true)))
    for (const found of ids) expect(found.length).toBeGreaterThanOrEqual(2)
    expect(await table.descendantsOf(child.pid, () => false)).toEqual([])
  })
})

describe('the table of a system with nothing but ps', () => {
  const byPs = new ProcessTable({ clock: systemClock, reader: new PsReader(systemClock) })

  it('finds children and groups', async () => {
    const child = await startShell('sleep 1000 & setsid sleep 1000 &')
    const snapshot = await byPs.look()
    const root = snapshot.get(child.pid)!
    expect(root).toMatchObject({ ppid: process.pid, pgid: child.pid, alive: true, marker: undefined })
    expect(findTree(snapshot, { pid: child.pid, startTime: root.startTime, marker: child.marker }).length).toBe(4)
    expect((await byPs.look()).get(child.pid)!.startTime).toBe(root.startTime)
    expect(byPs.limitations().join()).toContain('marks')
    expect(byPs.lookNow().entries.size).toBe(0)
  })

  it('says why it can not see when ps fails', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    onTestFinished(() => void (process.env['PATH'] = path))
    await expect(byPs.look()).rejects.toThrow('can not be listed by ps')
  })
})

const PLATFORM = process.platform
