import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { endChild, endTree, findTree, ProcessTable, type ProcessEntry, type TreeSeed } from '../../../src/kit.ts'
import type { ProcessReader } from '../../../src/process/tree/proc-reader.ts'
import { withinHang } from '../../support/driver-harness.ts'
import { fixture, marked, reported, startShell, table, type MarkedChild } from '../../support/tree-fixtures.ts'

const BOUND_MS = 10_000

const PATIENT = { timeout: 20_000, interval: 5 }

/** What a shell runs, and how many processes its tree has then, itself and its last `sleep` included. */
const TREES: readonly (readonly [name: string, script: string, size: number])[] = [
  ['a child', 'sleep 1000 &', 3],
  ['a child that left its group and session', 'setsid sleep 1000 &', 3],
  ['a descendant that lost its parent', '(sleep 1000 &)', 3],
  ['a daemon: forked twice, with its own session', '(setsid sh -c "sleep 1000 & sleep 1000" &)', 5],
  ['a child that cleared its environment and left its group', 'env -i setsid sleep 1000 &', 3],
  ['a daemon that cleared its environment below one that did not', 'setsid sh -c "env -i setsid sleep 1000 & sleep 1000" &', 5],
  ['descendants that are stopped, or deaf to SIGTERM', 'sleep 1000 & kill -STOP $!; setsid sh -c \'trap "" TERM; sleep 1000\' &', 5],
]

function seedOf({ pid, marker }: MarkedChild): () => TreeSeed {
  const startTime = table.identify(pid)!.startTime
  return () => ({ pid, startTime, marker })
}

/** The whole tree, once it has grown to `size`. */
async function grown(child: MarkedChild, size: number): Promise<ProcessEntry[]> {
  const seed = { ...seedOf(child)(), ownsPid: true, ownsGroup: true }
  const known = new Map<number, ProcessEntry>()
  for (const end = systemClock.now() + 15_000; systemClock.now() < end;) {
    const tree = findTree(await table.look(), seed, known.values())
    for (const entry of tree) known.set(entry.pid, entry)
    if (tree.length === size) return tree
  }
  throw new Error(`the tree never had ${size} processes: ${JSON.stringify([...known.values()])}`)
}

describe.runIf(process.platform === 'linux')('the end of a tree', () => {
  it.each(TREES)('takes along %s', async (_name, script, size) => {
    const child = await startShell(script)
    const other = await startShell('sleep 1000 &')
    const tree = await grown(child, size)
    await grown(other, 3)
    expect(await withinHang(endTree(seedOf(child), { table, clock: systemClock, boundMs: BOUND_MS }))).toEqual({ ended: size, left: [] })
    const after = await table.look()
    expect(tree.filter((entry) => after.find(entry))).toEqual([])
    expect((await marked(other)).length).toBe(3)
  })

  it.each([
    ['each of which starts the next and ends', 'hopping', 1],
    ['each of which starts the next in a session of its own and ends', 'leaping', 1],
    ['that grow to hundreds', 'growing', 64],
    ['that start others whenever one ends', 'replacing', 4],
  ])('takes along processes %s', async (_what, mode, least) => {
    const child = await startShell(`setsid python3 ${fixture('breeder.py')} ${mode} &`)
    await expect.poll(async () => (await marked(child)).length, PATIENT).toBeGreaterThanOrEqual(least)
    const end = await withinHang(endTree(seedOf(child), { table, clock: systemClock, boundMs: BOUND_MS }))
    expect(end.left).toEqual([])
    expect(await marked(child)).toEqual([])
    // None was between two lives when we looked.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await marked(child)).toEqual([])
  })

  it('is bounded when a process does not end, and names it', async () => {
    // An uninterruptible process can't be made on demand.
    const stuck: ProcessEntry = { pid: 2 ** 22 + 1, startTime: 1, ppid: 1, pgid: 2 ** 22 + 1, sid: 1, alive: true, stopped: false, marker: 'm' }
    const reader: ProcessReader = { limitations: [], read: async () => [stuck] }
    const blocked = new ProcessTable({ clock: systemClock, reader, restless: true })
    expect(await withinHang(endTree(() => ({ marker: 'm' }), { table: blocked, clock: systemClock, boundMs: 50 }))).toEqual({ ended: 0, left: [stuck] })
    expect(await withinHang(endTree(() => ({ marker: 'm' }), { table: blocked, clock: systemClock, boundMs: 0 }))).toMatchObject({ left: [stuck] })
  })

  it('freezes a tree that grows while it is killed, before it kills again', async () => {
    // Beyond what ids there are: nothing is signalled.
    const sight = (n: number, stopped = false): ProcessEntry => (
      { pid: 2 ** 22 + n, startTime: n, ppid: 1, pgid: 2 ** 22 + n, sid: 1, alive: true, stopped, marker: 'm' }
    )
    const sights = [[sight(1)], [sight(2)], [sight(2, true), sight(3)], [sight(2, true), sight(3, true)]]
    let looks = 0
    const reader: ProcessReader = { limitations: [], read: async () => sights[looks++] ?? [] }
    const growing = new ProcessTable({ clock: systemClock, reader, restless: true })
    let kills = 0
    const options = { table: growing, clock: systemClock, boundMs: BOUND_MS, killGroup: () => void kills++ }
    expect(await withinHang(endTree(() => ({ marker: 'm' }), options))).toEqual({ ended: 3, left: [] })
    expect({ looks, kills }).toEqual({ looks: 5, kills: 2 })
  })

  it('does not call gone what it can not see', async () => {
    const reader: ProcessReader = { limitations: [], read: async () => { throw new Error('EMFILE') } }
    const blind = new ProcessTable({ clock: systemClock, reader, restless: true })
    const end = await withinHang(endTree(() => ({ marker: 'm' }), { table: blind, clock: systemClock, boundMs: 20 }))
    expect(end).toMatchObject({ ended: 0, left: [], problem: { message: 'EMFILE' } })
  })

  it('asks the system to kill all at once, where it can, and goes on when that fails', async () => {
    const child = await startShell('setsid sleep 1000 &')
    let asked = 0
    const killGroup = (): void => {
      asked++
      throw new Error('no such cgroup')
    }
    const end = await withinHang(endTree(seedOf(child), { table, clock: systemClock, boundMs: BOUND_MS, killGroup }))
    expect([end.left, asked > 0]).toEqual([[], true])
  })
})

describe.runIf(process.platform === 'linux')('the end of a child', () => {
  it.each(TREES)('by the ladder takes along %s', async (_name, script, size) => {
    const child = await startShell(script)
    const tree = await grown(child, size)
    const report = await withinHang(endChild(child, { clock: systemClock, stepMs: 300 }))
    expect(report.step).toMatch(/^sig(term|kill)$/)
    await withinHang(child.endTree!())
    const after = await table.look()
    expect(tree.filter((entry) => after.find(entry))).toEqual([])
    expect(await marked(child)).toEqual([])
    expect(reported).toEqual([])
  })

  it('gives SIGTERM to those who left its group, too', async () => {
    const child = await startShell('setsid sh -c \'trap "echo told >&2; exit" TERM; echo here; while :; do sleep 0.01; done\' &')
    await expect.poll(async () => (await marked(child)).length, PATIENT).toBeGreaterThanOrEqual(4)
    await child.signalTree!('SIGTERM')
    await expect.poll(() => child.stderrTail(), PATIENT).toContain('told')
  })

  it('takes along what it has left behind when it ended by itself', async () => {
    for (const code of [0, 3]) {
      const child = await startShell(`(setsid sleep 1000 &); setsid sleep 1000 & echo ready; exit ${code}`)
      expect(await withinHang(child.exited)).toEqual({ code, signal: null })
      await expect.poll(async () => (await marked(child)).length, PATIENT).toBe(2)
      expect((await endChild(child, { clock: systemClock, stepMs: 50 })).step).toBe('gone')
      await withinHang(child.endTree!())
      expect(await marked(child)).toEqual([])
    }
  })
})
