import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { createSpawner, endChild, ProcessTable, type ProcessEntry, type ProcessId } from '../../../src/kit.ts'
import { hostMarker, newPoolMarker } from '../../../src/process/marker.ts'
import type { ProcessReader } from '../../../src/process/tree/proc-reader.ts'
import { PsReader } from '../../../src/process/tree/ps-reader.ts'
import { SessionTrees, type SessionTreesOptions } from '../../../src/process/tree/session-trees.ts'
import { until, withinHang } from '../../support/driver-harness.ts'
import { isAlive } from '../../support/real-pool.ts'
import { marked, startShell, table, type MarkedChild } from '../../support/tree-fixtures.ts'

const STUCK: ProcessEntry = { pid: 2 ** 22 + 1, startTime: 1, ppid: 1, pgid: 2 ** 22 + 1, sid: 1, alive: true, stopped: false, marker: 'm/1' }

function seeing(read: ProcessReader['read']): ProcessTable {
  // Ten seconds pass with every look.
  let now = 0
  return new ProcessTable({ clock: { ...systemClock, now: () => (now += 10_000) }, reader: { limitations: [], read }, restless: true })
}

function trees(more: Partial<SessionTreesOptions>): { trees: SessionTrees; problems: string[] } {
  const problems: string[] = []
  let now = 0
  const clock = { ...systemClock, now: () => (now += 5_000) }
  const report = (problem: Error, where: string): void => void problems.push(`${where}: ${problem.message}`)
  return { trees: new SessionTrees({ table, clock, marker: 'm', report, ...more }), problems }
}

const sapling = { pid: STUCK.pid, startTime: 1, marker: 'm/1', owns: () => ({ ownsPid: false, ownsGroup: false }), kill: () => undefined }

describe('the trees of a spawner', () => {
  it('report what does not end, by name, and keep it on the ledger', async () => {
    const closed: ProcessId[] = []
    const ledger = { opened: () => undefined, closed: (root: ProcessId) => void closed.push(root) }
    const { trees: all, problems } = trees({ table: seeing(async () => [STUCK]), ledger })
    const tree = all.plant({ ...sapling, marker: all.newMarker() })
    await withinHang(all.end(tree))
    expect(problems).toEqual([`ending the processes a session left behind: 1 process does not end, not even by SIGKILL: ${STUCK.pid}`])
    await withinHang(all.clear(1_000))
    expect(problems[1]).toContain('the last look after the end of all sessions: 1 process does not end')
    expect(closed).toEqual([])
  })

  it('report that they could not be seen, rather than call them gone', async () => {
    const { trees: all, problems } = trees({ table: seeing(async () => { throw new Error('EMFILE') }) })
    const tree = all.plant({ ...sapling, marker: all.newMarker() })
    await withinHang(all.end(tree))
    expect(problems).toEqual(["ending the processes a session left behind: it can't be said whether any process is left: EMFILE"])
    await tree.note()
    await tree.signalEscaped('SIGTERM')
  })

  it('are not looked for when there never was one', async () => {
    const { trees: all, problems } = trees({ table: seeing(async () => { throw new Error('EMFILE') }) })
    await all.clear(1_000)
    expect(problems).toEqual([])
  })

  it('have marks of their own, which begin with that of the host', () => {
    const [first, second] = [newPoolMarker(), newPoolMarker()]
    expect(first).not.toBe(second)
    expect(first.startsWith(`${hostMarker()}/`)).toBe(true)
    const { trees: all } = trees({ marker: first })
    expect([all.newMarker(), all.newMarker()]).toEqual([`${first}/1`, `${first}/2`])
  })

  it('are put on the ledger, and taken off when none of them is left', async () => {
    for (const reader of [undefined, new PsReader(systemClock)]) {
      const opened: ProcessId[] = []
      const closed: ProcessId[] = []
      const ledger = { opened: (root: ProcessId) => void opened.push(root), closed: (root: ProcessId) => void closed.push(root) }
      const by = new ProcessTable({ clock: systemClock, reader, restless: true })
      const child = createSpawner({ clock: systemClock, table: by, ledger }).spawn({ command: 'cat' })
      await until(() => opened.length === 1)
      expect(opened[0]!.pid).toBe(child.pid)
      await withinHang(endChild(child, { clock: systemClock, stepMs: 5_000 }))
      await withinHang(child.endTree!())
      expect(closed).toEqual(opened)
    }
  })

  it('are cleared of whoever has a mark of theirs, at the last', async () => {
    const problems: string[] = []
    const spawner = createSpawner({ clock: systemClock, table, report: ({ message }) => void problems.push(message) })
    const child = spawner.spawn({ command: 'sh', args: ['-c', '(setsid sleep 1000 &); exec cat'] }) as MarkedChild
    await until(() => table.lookNow().marked(child.marker).length === 2)
    const ended = endChild(child, { clock: systemClock, stepMs: 5_000, immediate: true })
    await withinHang(Promise.all([ended, spawner.clear!(5_000)]))
    expect([(await table.look()).marked(child.marker), problems]).toEqual([[], []])
  })
})

describe.runIf(process.platform === 'linux')('a host that exits', () => {
  it('kills what it has started, by group and by mark; and listens for its exit only as long as there is something', async () => {
    const before = process.listeners('exit')
    const child = await startShell('setsid sh -c "sleep 1000; sleep 1000" &')
    const second = createSpawner({ clock: systemClock, table }).spawn({ command: 'cat' })
    onTestFinished(() => void second.signal('SIGKILL'))
    const added = process.listeners('exit').filter((listener) => !before.includes(listener))
    expect(added.length).toBe(1)
    await until(() => table.lookNow().marked(child.marker).length >= 4)
    const tree = await marked(child)
    ;(added[0] as () => void)()
    await until(() => tree.every(({ pid }) => !isAlive(pid)))
    await withinHang(Promise.all([child.exited, second.exited]))
    for (const each of [child, second]) await withinHang(endChild(each, { clock: systemClock, stepMs: 1_000 }).then(() => each.endTree!()))
    expect(process.listeners('exit')).toEqual(before)
  })

  it('exits though it can not see what it has started', () => {
    const before = process.listeners('exit')
    const blind = new ProcessTable({ clock: systemClock, reader: { limitations: [], read: async () => [], readNow: () => { throw new Error('EMFILE') } } })
    let killed = 0
    const { trees: all } = trees({ table: blind })
    all.plant({ ...sapling, kill: () => killed++ })
    const added = process.listeners('exit').filter((listener) => !before.includes(listener))
    expect(() => (added[0] as () => void)()).not.toThrow()
    expect(killed).toBe(1)
    process.off('exit', added[0]!)
  })
})
