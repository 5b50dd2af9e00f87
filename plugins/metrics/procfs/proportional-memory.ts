import { readFile } from 'node:fs/promises'

/**
 * Proportional memory (PSS) of processes, in bytes, from /proc/PID/smaps_rollup. The system walks all pages of the process for it, some
 * 2 ms for 250 MB: so it is read one at a time, and by Node's pool of threads, not by the event loop. One that is gone, or another user's, is
 * left out, and so are all on systems older than Linux 4.14, or other ones.
 */
export async function proportionalMemory(pids: readonly number[], root = '/proc'): Promise<Map<number, number>> {
  const found = new Map<number, number>()
  for (const pid of pids) {
    const bytes = await proportionalBytes(`${root}/${pid}/smaps_rollup`)
    if (bytes !== undefined) found.set(pid, bytes)
  }
  return found
}

async function proportionalBytes(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '')
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024
}
