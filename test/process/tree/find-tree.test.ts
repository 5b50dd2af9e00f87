import { describe, expect, it } from 'vitest'
import { findTree, type ProcessSnapshot, type TreeSeed } from '../../../src/kit.ts'
import { snapshotOf } from '../../support/tree-fixtures.ts'

const ROOT: TreeSeed = { pid: 100, startTime: 100, marker: 'h/1/1' }
const pids = (snapshot: ProcessSnapshot, seed: TreeSeed, known?: { pid: number; startTime: number }[]): number[] => (
  findTree(snapshot, seed, known).map(({ pid }) => pid).sort((a, b) => a - b)
)
const inGroup = { pgid: 100, sid: 100 }

describe('the tree of a session', () => {
  it('is its process, all that have its mark, its group and its terminal session', () => {
    const snapshot = snapshotOf(
      { pid: 100 }, { pid: 101, ...inGroup }, { pid: 102, pgid: 102, sid: 100 }, { pid: 103, marker: 'h/1/1' },
      { pid: 200 }, { pid: 201, marker: 'h/1/11' }, { pid: 202, marker: 'h/1' },
    )
    expect(pids(snapshot, ROOT)).toEqual([100, 101, 102, 103])
  })

  it('has the children of every member, theirs, and the groups they made', () => {
    const snapshot = snapshotOf(
      { pid: 100 }, { pid: 110, ppid: 100 }, { pid: 120, ppid: 110 }, { pid: 121, pgid: 120, sid: 120 }, { pid: 130, ppid: 121 }, { pid: 140 },
    )
    expect(pids(snapshot, ROOT)).toEqual([100, 110, 120, 121, 130])
  })

  it('has the sessions of a greenroom that runs inside of it', () => {
    expect(pids(snapshotOf({ pid: 300, marker: 'h/1/1/inner/1/7' }), ROOT)).toEqual([300])
  })

  it('outlives its process: marks, and its group where that was never empty, are found still', () => {
    const snapshot = snapshotOf({ pid: 101, ...inGroup }, { pid: 103, marker: 'h/1/1' })
    expect(pids(snapshot, ROOT)).toEqual([103])
    expect(pids(snapshot, { ...ROOT, ownsGroup: true })).toEqual([101, 103])
  })

  it('has nothing of another process that got its id', () => {
    const snapshot = snapshotOf({ pid: 100, startTime: 999 }, { pid: 101, ...inGroup }, { pid: 102, ppid: 100, startTime: 1_000 })
    expect(pids(snapshot, { ...ROOT, ownsGroup: true })).toEqual([])
    expect(pids(snapshot, { pid: 100, ownsPid: false })).toEqual([])
  })

  it('believes an id without a start time while the process was not collected', () => {
    expect(pids(snapshotOf({ pid: 100 }, { pid: 101, ppid: 100 }), { pid: 100, ownsPid: true })).toEqual([100, 101])
  })

  it('keeps who was found before, by id and start time, with what came of them', () => {
    const snapshot = snapshotOf({ pid: 104 }, { pid: 105, startTime: 999 }, { pid: 106, ppid: 104 })
    expect(pids(snapshot, ROOT, [{ pid: 104, startTime: 104 }, { pid: 105, startTime: 105 }])).toEqual([104, 106])
  })

  it('has no zombies, and no child that is older than its parent', () => {
    const snapshot = snapshotOf({ pid: 100 }, { pid: 101, ...inGroup, alive: false }, { pid: 102, ppid: 100, startTime: 50 })
    expect(pids(snapshot, ROOT)).toEqual([100])
  })

  it('never has the process that asks, nor the mates of its group', () => {
    const own = { pid: process.pid, pgid: 50, sid: 50, startTime: 1_000_000, marker: 'h/1/1' }
    const snapshot = snapshotOf(own, { pid: 60, pgid: 50, sid: 50 }, { pid: 61, pgid: 50, sid: 50, marker: 'h/1/1', startTime: 2 })
    expect(pids(snapshot, ROOT)).toEqual([61])
  })
})
