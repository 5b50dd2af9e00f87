import { closeSync, readdirSync, readlinkSync } from 'node:fs'

/**
 * Closes the descriptors that this process has of the stat files of processes that are gone. Returns how many there were; 0 where there is no
 * /proc. O(open descriptors).
 */
export function closeLostDescriptors(pids: readonly number[]): number {
  const lost = new Set(pids.map((pid) => `/proc/${pid}/stat`))
  let closed = 0
  for (const descriptor of list('/proc/self/fd')) {
    try {
      if (!lost.has(readlinkSync(`/proc/self/fd/${descriptor}`))) continue
      closeSync(Number(descriptor))
      closed++
    } catch {
      // The one by which the list was read, or one that was closed meanwhile.
    }
  }
  return closed
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
