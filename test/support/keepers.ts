import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { table } from './tree-fixtures.ts'

/** The live keepers that this process has started. */
export async function keepersOf(host: number): Promise<number[]> {
  return (await table.look()).childrenOf(host).map(({ pid }) => pid).filter((pid) => read(`/proc/${pid}/environ`).includes('GREENROOM_KEEPER='))
}

/** The folders of these keepers that are there still. Ask once while they live: what they are is kept for when they don't. */
export function keeperFolders(keepers: readonly number[]): string[] {
  const there = readdirSync(tmpdir()).filter((name) => name.startsWith('greenroom-keeper-')).map((name) => join(tmpdir(), name))
  for (const pid of keepers) {
    if (!known.has(pid)) known.set(pid, listening(pid))
  }
  const theirs = keepers.flatMap((pid) => known.get(pid) ?? [])
  return there.filter((folder) => theirs.some((path) => path.startsWith(`${folder}/`)))
}

const known = new Map<number, string[]>()

/** Paths of the Unix sockets that a process has open. */
function listening(pid: number): string[] {
  const inodes = new Set<string>()
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`))?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return read('/proc/net/unix').split('\n').map((line) => line.trim().split(/\s+/)).filter((fields) => inodes.has(fields[6] ?? '')).flatMap((fields) => fields[7] ?? [])
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // It was closed after it was listed.
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
