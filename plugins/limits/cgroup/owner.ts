import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const NAME = /^greenroom-(\d+)-(\d+)-/

/** The name of a pool's group: it tells which process made it, for certain. */
export function groupName(pool: string, proc = '/proc'): string {
  return `greenroom-${process.pid}-${startTimeOf(process.pid, proc) ?? 0}-${pool}`
}

/** Groups in this folder whose makers are gone: they ended without a chance to remove them (INV 24). */
export function abandonedGroups(folder: string, proc = '/proc'): string[] {
  return readdirSync(folder).flatMap((name) => {
    const [, pid, startTime] = NAME.exec(name) ?? []
    if (pid === undefined || startTimeOf(Number(pid), proc) === Number(startTime)) return []
    return [join(folder, name)]
  })
}

/** Ticks from boot to the process's start: with its number it names the process for ever. `undefined`: it is gone. */
function startTimeOf(pid: number, proc: string): number | undefined {
  try {
    const stat = readFileSync(join(proc, String(pid), 'stat'), 'latin1')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : Number(rest[18])
  } catch {
    return undefined
  }
}
