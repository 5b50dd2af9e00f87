import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../contracts/clock.ts'
import { FOLDER_PREFIX, SOCKET_NAME } from './protocol.ts'

/** The path of a socket must fit into 104 bytes, on Linux 108. */
const LONGEST_PARENT = 104 - `/${FOLDER_PREFIX}XXXXXX/${SOCKET_NAME}`.length - 1
/** A younger folder may be one whose keeper is about to listen: between its bind() and listen() its socket is there, and refuses. */
const SETTLED_MS = 60_000

/** Makes a folder that only this user can enter, for the keeper's socket. */
export function makeFolder(parent = tmpdir()): Promise<string> {
  const place = Buffer.byteLength(parent) <= LONGEST_PARENT ? parent : '/tmp'
  return mkdtemp(join(place, FOLDER_PREFIX))
}

/** Removes a file or folder that nobody needs any more; one that can't be removed stays. Never rejects. */
export async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined)
}

/** Removes folders beside `folder` in whose sockets nobody listens any more: those of keepers that were killed with their hosts. Never rejects. */
export async function sweepFolders(folder: string, clock: Clock): Promise<void> {
  const parent = join(folder, '..')
  const names = await readdir(parent).catch(() => [])
  for (const name of names) {
    const other = join(parent, name)
    if (name.startsWith(FOLDER_PREFIX) && other !== folder && await isAbandoned(other, clock)) await remove(other)
  }
}

async function isAbandoned(folder: string, clock: Clock): Promise<boolean> {
  const answer = await knock(join(folder, SOCKET_NAME))
  if (answer !== 'ENOENT' && answer !== 'ECONNREFUSED') return false
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }))
  return clock.wallTime() - mtimeMs > SETTLED_MS
}

/** What connecting to a socket fails with; `undefined` when somebody is there. */
function knock(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}
