import { closeSync, openSync, read } from 'node:fs'
import { promisify } from 'node:util'

/** All of such a file is some 700 bytes. */
const LONGEST = 4_096

const readDescriptor = promisify(read)

/**
 * Proportional memory (PSS) of processes, in bytes, from /proc/PID/smaps_rollup. The system walks all pages of the process for it, some
 * 2 ms for 250 MB: so it is read one at a time, and by Node's pool of threads, not by the event loop. One that is gone, or another user's, is
 * left out, and so are all on systems older than Linux 4.14, or other ones.
 *
 * The walk is done by the reading alone. To open and close is quick, and done here: to have all of it done by the threads woke the
 * event loop five times for each process, which was a third of what it cost the host to watch 100 sessions.
 */
export async function proportionalMemory(pids: readonly number[], root = '/proc'): Promise<Map<number, number>> {
  const found = new Map<number, number>()
  const buffer = Buffer.allocUnsafe(LONGEST)
  for (const pid of pids) {
    const bytes = await proportionalBytes(`${root}/${pid}/smaps_rollup`, buffer)
    if (bytes !== undefined) found.set(pid, bytes)
  }
  return found
}

async function proportionalBytes(path: string, buffer: Buffer): Promise<number | undefined> {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const { bytesRead } = await readDescriptor(descriptor, buffer, 0, LONGEST, 0)
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(buffer.toString('latin1', 0, bytesRead))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
