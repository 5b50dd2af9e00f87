import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, note, ok, type Check } from './check.ts'
import { findProgram } from './find-program.ts'

const NODE_NEEDED: readonly [number, number] = [20, 19]

/** Pipes of one session; and what greenroom itself, its server and its clients take. */
const FILES_PER_SESSION = 4
const FILES_BESIDE = 256
/** Processes of the same user that are there anyway. */
const PROCESSES_BESIDE = 64

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])
  if (enough) return ok('node', `Node ${version}`)
  return fail('node', `Node ${version} is too old`, `install Node ${NODE_NEEDED.join('.')} or later`)
}

/** Where processes are read from. */
export async function checkProc(root: string): Promise<Check> {
  const readable = await readFile(join(root, 'proc/self/stat'), 'utf8').then(() => true, () => false)
  if (readable) return ok('/proc', 'readable: memory and CPU of sessions can be measured')
  return note('/proc', 'not readable', 'without it, memory and CPU are measured by slower means or not at all; mount /proc if this is Linux')
}

/** What this user may have open and running, against what `max` sessions take. */
export async function checkUserLimits(root: string, max: number): Promise<Check[]> {
  const limits = await readFile(join(root, 'proc/self/limits'), 'utf8').catch(() => '')
  const files = softLimit(limits, 'Max open files')
  const processes = softLimit(limits, 'Max processes')
  return [
    userLimit('open files', files, max * FILES_PER_SESSION + FILES_BESIDE, max, '-n'),
    userLimit('processes', processes, max + PROCESSES_BESIDE, max, '-u'),
  ]
}

function userLimit(name: string, limit: number | undefined, needed: number, max: number, flag: string): Check {
  if (limit === undefined) return note(name, 'the limit is not known', `make sure that \`ulimit ${flag}\` is at least ${needed}`)
  const shown = limit === Infinity ? 'unlimited' : String(limit)
  if (limit >= needed) return ok(name, `limit ${shown}: enough for size.max = ${max}`)
  return fail(name, `limit ${shown}, and size.max = ${max} needs about ${needed}`, `raise it (\`ulimit ${flag} ${needed}\`), or lower size.max`)
}

function softLimit(limits: string, name: string): number | undefined {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** Small programs of the system that make clean-up harder to escape. */
export function checkTools(path: string | undefined, cwd: string): Promise<Check[]> {
  return Promise.all(['setpriv'].map(async (tool) => {
    const found = await findProgram(tool, path, cwd)
    return found === undefined ? note(tool, 'not found', 'it comes with util-linux; greenroom works without it') : ok(tool, found)
  }))
}
