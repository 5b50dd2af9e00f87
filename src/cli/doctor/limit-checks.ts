import { access, constants, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { note, ok, type Check } from './check.ts'
import { findProgram } from './find-program.ts'

/** What limits.cgroup can hold a session to. */
const CONTROLLERS: Readonly<Record<string, string>> = { memory: 'memory', cpu: 'CPU', pids: 'processes' }
/** Where limits.cgroup moves the host to. */
const HOST_GROUP = 'greenroom.host'

/** Which limits sessions can have on this machine. */
export async function checkLimits(root: string, path: string | undefined, cwd: string): Promise<Check[]> {
  return [await checkMeasured(root), await checkCgroup(root), await checkPrlimit(path, cwd)]
}

/** The limits that judge what was measured. */
async function checkMeasured(root: string): Promise<Check> {
  const name = 'limits.memory, cpu, processes, output'
  if (!await readable(join(root, 'proc/self/stat'))) {
    return note(name, 'processes are measured by slower means', 'on Linux mount /proc; elsewhere measure less often (metrics.every), and limits.processes may see nothing')
  }
  if (await readable(join(root, 'proc/self/smaps_rollup'))) return ok(name, 'whole process trees are measured; memory that they share counts once')
  return note(name, 'whole process trees are measured, memory that they share once for each process', 'Linux 4.14 or later tells proportional memory: give limits.memory more room')
}

/** Whether the system itself can hold whole process trees to limits. */
async function checkCgroup(root: string): Promise<Check> {
  const name = 'limits.cgroup'
  const advice = 'start greenroom with `systemd-run --user --scope -p Delegate=yes …`, or as a service with Delegate=yes; the limits above work without it'
  const mounts = (await text(join(root, 'proc/self/mountinfo'))).split('\n').map((line) => line.split(' '))
  const mount = mounts.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4]
  if (mount === undefined) return note(name, 'cgroup v2 is not mounted', advice)
  const own = /^0::(\/.*)$/m.exec(await text(join(root, 'proc/self/cgroup')))?.[1]
  if (own === undefined) return note(name, 'this process is in no group of cgroup v2', advice)
  const group = join(root, mount, basename(own) === HOST_GROUP ? dirname(own) : own)
  const delegated = await access(join(group, 'cgroup.subtree_control'), constants.W_OK).then(() => true, () => false)
  if (!delegated) return note(name, 'cgroup v2 is mounted, but not delegated to this user', advice)
  const there = (await text(join(group, 'cgroup.controllers'))).trim().split(' ')
  const can = Object.keys(CONTROLLERS).filter((controller) => there.includes(controller)).map((controller) => CONTROLLERS[controller]!)
  const cannot = Object.keys(CONTROLLERS).filter((controller) => !there.includes(controller))
  if (can.length === 0) return note(name, 'cgroup v2 is delegated, but no controllers are: it can kill whole trees, not limit them', advice)
  const message = `delegated: the system can hold sessions to ${can.join(', ')}`
  return cannot.length === 0 ? ok(name, message) : note(name, message, `for the rest, delegate ${cannot.join(' and ')}, too (Delegate=yes)`)
}

async function checkPrlimit(path: string | undefined, cwd: string): Promise<Check> {
  const found = await findProgram('prlimit', path, cwd)
  return found === undefined ? note('limits.prlimit', 'prlimit was not found', 'it comes with util-linux; the other limits work without it') : ok('limits.prlimit', found)
}

async function readable(path: string): Promise<boolean> {
  return readFile(path).then(() => true, () => false)
}

function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
