import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GreenroomError, messageOf } from 'greenroom/kit'

export type Controller = 'cpu' | 'memory' | 'pids'

/** Where a pool's groups are made, and what the system can hold them to. */
export interface Place {
  readonly path: string
  readonly controllers: ReadonlySet<string>
}

/** A group that has controllers for its children may hold no processes itself: the host moves in here. */
const HOST_GROUP = 'greenroom.host'

const ADVICE = 'Start greenroom where it may make groups: `systemd-run --user --scope -p Delegate=yes …` (as root without --user), or a service '
  + 'with Delegate=yes; or leave limits.cgroup out: limits.memory, limits.cpu and limits.processes work without it'

/**
 * Finds the cgroup that this process may divide, and has its children held to limits by the controllers.
 * @throws GreenroomError `CONFIG_INVALID` when there is none, with what to do.
 */
export function preparePlace(needed: ReadonlySet<Controller>, parent?: string, root = '/'): Place {
  const path = parent ?? ownGroup(root)
  const controllers = new Set(read(join(path, 'cgroup.controllers')))
  const missing = [...needed].filter((controller) => !controllers.has(controller))
  if (missing.length > 0) throw refusal(`the controllers ${missing.join(', ')} are not to be had in ${path} (there: ${[...controllers].join(', ') || 'none'})`)
  try {
    accessSync(path, constants.W_OK)
    accessSync(join(path, 'cgroup.subtree_control'), constants.W_OK)
  } catch (problem) {
    throw refusal(`${path} is not delegated to this user`, problem)
  }
  // The throttle of limits.cpu takes cpu where it is to be had.
  const wanted = [...needed, ...(controllers.has('cpu') ? ['cpu'] : [])]
  enable(path, new Set(wanted), root)
  return { path, controllers: new Set(read(join(path, 'cgroup.subtree_control'))) }
}

/** Has the children of a group held to limits by these controllers. */
function enable(path: string, wanted: ReadonlySet<string>, root: string): void {
  const there = read(join(path, 'cgroup.subtree_control'))
  const missing = [...wanted].filter((controller) => !there.includes(controller))
  if (missing.length === 0) return
  const command = missing.map((controller) => `+${controller}`).join(' ')
  try {
    write(path, 'cgroup.subtree_control', command)
    return
  } catch (problem) {
    if (codeOf(problem) !== 'EBUSY') throw refusal(`${path} takes no controllers (${messageOf(problem)})`, problem)
  }
  moveHost(path, root)
  try {
    write(path, 'cgroup.subtree_control', command)
  } catch (problem) {
    throw refusal(`processes beside greenroom are in ${path}, so that it can't be divided (${messageOf(problem)}): give greenroom a group of its own`, problem)
  }
}

/** The host and what it has started, such as its keeper, move one group down. Nobody else is touched. */
function moveHost(path: string, root: string): void {
  const parents = new Map<number, number>()
  for (const pid of read(join(path, 'cgroup.procs')).map(Number)) {
    const parent = parentOf(pid, root)
    if (parent !== undefined) parents.set(pid, parent)
  }
  mkdirSync(join(path, HOST_GROUP), { recursive: true })
  for (const pid of parents.keys()) {
    let ancestor: number | undefined = pid
    while (ancestor !== undefined && ancestor !== process.pid) ancestor = parents.get(ancestor)
    if (ancestor === process.pid) write(join(path, HOST_GROUP), 'cgroup.procs', String(pid))
  }
}

/** The folder of the group that this process is in, or the one above where it was moved down by an earlier pool. */
function ownGroup(root: string): string {
  const mounts = lines(join(root, 'proc/self/mountinfo')).map((line) => line.split(' '))
  const mount = mounts.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4]
  if (mount === undefined) throw refusal('cgroup v2 is not mounted here')
  const own = lines(join(root, 'proc/self/cgroup')).find((line) => line.startsWith('0::/'))?.slice(3)
  if (own === undefined || own.includes('/../')) throw refusal('this process is in no group of the cgroup v2 that is mounted here')
  const path = join(root, mount, own)
  return basename(path) === HOST_GROUP ? dirname(path) : path.replace(/(?<=.)\/$/, '')
}

function parentOf(pid: number, root: string): number | undefined {
  const stat = lines(join(root, `proc/${pid}/stat`))[0]
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function refusal(why: string, cause?: unknown): GreenroomError {
  return new GreenroomError('CONFIG_INVALID', `limits.cgroup needs a cgroup v2 that this process may divide, and ${why}. ${ADVICE}`, { cause })
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '')
  } catch {
    return []
  }
}

function read(path: string): string[] {
  return lines(path).flatMap((line) => line.split(' '))
}

function write(folder: string, file: string, value: string): void {
  writeFileSync(join(folder, file), value)
}

function codeOf(problem: unknown): unknown {
  return problem instanceof Error && 'code' in problem ? problem.code : undefined
}
