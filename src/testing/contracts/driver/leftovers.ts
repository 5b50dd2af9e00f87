import { readdirSync, readFileSync } from 'node:fs'

/** A variable in the environment of whatever a suite starts; descendants inherit it, also those that leave their process group. */
export const SUITE_MARKER = 'GREENROOM_CONTRACT'

/** The processes that carry this mark. Linux only: elsewhere nothing can be seen, and the list is empty. */
export function processesMarked(mark: string): number[] {
  if (process.platform !== 'linux') return []
  const wanted = `${SUITE_MARKER}=${mark}`
  return readdirSync('/proc').map(Number).filter((pid) => pid > 0 && environmentOf(pid).includes(wanted))
}

/** Empty when the process is gone, a zombie, or another user's. */
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
