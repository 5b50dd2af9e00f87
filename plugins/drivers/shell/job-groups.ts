import { readFileSync } from 'node:fs'

/** The processes a process has started and not yet waited for; none where the system does not tell. */
export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter((child) => child !== '').map(Number)
}

/**
 * Sends SIGINT to the process groups that descendants of `pid` have made, as `timeout` does for what it runs; `pid`'s own group is not
 * among them. `spared` are children that are left alone, with all below them.
 */
export function interruptGroupsBelow(pid: number, spared: ReadonlySet<number>): void {
  const groups = new Set<number>()
  const found = childrenOf(pid).filter((child) => !spared.has(child))
  for (const process of found) {
    const group = groupOf(process)
    if (group !== undefined && group > 1 && group !== pid) groups.add(group)
    found.push(...childrenOf(process))
  }
  for (const group of groups) interrupt(-group)
}

/** Sends SIGINT to the children of `pid`, save those spared: to what is left of a command when its shell goes on without it. */
export function interruptChildrenOf(pid: number, spared: ReadonlySet<number>): void {
  for (const child of childrenOf(pid)) if (!spared.has(child)) interrupt(child)
}

/** Whether it computes just now, rather than waiting for a child or for input; false where the system does not tell. */
export function computes(pid: number): boolean {
  return statOf(pid)[0] === 'R'
}

function interrupt(target: number): void {
  try {
    process.kill(target, 'SIGINT')
  } catch {
    // It has ended meanwhile, or belongs to another user and can't be reached.
  }
}

function groupOf(pid: number): number | undefined {
  const group = Number(statOf(pid)[2])
  return Number.isInteger(group) ? group : undefined
}

/** Its state, parent, group, and so on. */
function statOf(pid: number): string[] {
  // "pid (name) state ppid pgrp …": the name may hold spaces and brackets.
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
