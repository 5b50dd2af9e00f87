import type { ProcessEntry, ProcessId, TreeSeed } from './process-entry.ts'
import type { ProcessSnapshot } from './process-snapshot.ts'

/**
 * Every live process of a session's tree: those that carry its mark, those of its group and its terminal session, and, from
 * each one found, its children, its group, and so on. That finds descendants that called setsid, were reparented, or both; and
 * those that cleared their environment, as long as a link leads to them. `known` are members that earlier looks have found: once
 * a member, always a member. Processes are told apart by (pid, start time). The caller's own process is never a member.
 *
 * O(members).
 */
export function findTree(snapshot: ProcessSnapshot, seed: TreeSeed, known: Iterable<ProcessId> = []): ProcessEntry[] {
  const found = new Map<number, ProcessEntry>()
  const ownSession = snapshot.get(process.pid)?.sid
  const add = (entry: ProcessEntry | undefined): void => {
    if (entry?.alive && entry.pid !== process.pid) found.set(entry.pid, entry)
  }

  for (const id of known) add(snapshot.find(id))
  if (seed.marker !== undefined) for (const entry of snapshot.marked(seed.marker)) add(entry)
  addRoot(snapshot, seed, add)
  // A Map's iteration goes on to what is added meanwhile.
  for (const entry of found.values()) {
    // A child is never older than its parent: where one seems to be, its parent's id was reused while the table was read.
    for (const child of snapshot.childrenOf(entry.pid)) if (child.startTime >= entry.startTime) add(child)
    // The group of a process of the tree was made within the tree, unless it is the caller's own.
    if (entry.sid === ownSession && ownSession !== 0) continue
    const leader = snapshot.get(entry.pgid)
    if (!leader?.alive || found.has(leader.pid)) for (const mate of snapshot.groupOf(entry.pgid)) add(mate)
  }
  return [...found.values()]
}

function addRoot(snapshot: ProcessSnapshot, seed: TreeSeed, add: (entry: ProcessEntry | undefined) => void): void {
  const { pid, startTime, ownsPid = false, ownsGroup = false } = seed
  if (pid === undefined) return
  const root = snapshot.get(pid)
  const isRoot = root !== undefined && (startTime === undefined ? ownsPid : root.startTime === startTime)
  if (isRoot) add(root)
  // INV 24: a group that is led by another process now, or may have been, is none of ours.
  if (!isRoot && (root !== undefined || !ownsGroup)) return
  for (const mate of [...snapshot.groupOf(pid), ...snapshot.sessionOf(pid)]) if (mate.startTime >= (startTime ?? 0)) add(mate)
}
