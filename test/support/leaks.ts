import { readFileSync, readdirSync } from 'node:fs'

/** A live process, as a leak report shows it. */
export interface FoundProcess {
  readonly pid: number
  readonly command: string
}

/** Every session's environment has the one; its value is the session's own. That of a host's keeper has the other. */
const MARKS = ['GREENROOM_SESSION=', 'GREENROOM_KEEPER=']

/** One run of the tests. */
export interface TestRun {
  /** The value of GREENROOM_TEST_RUN. */
  readonly id: string
  /** TMPDIR, or above it. */
  readonly folder: string
}

/**
 * Processes that have the mark of a test run in their environment, and sessions and keepers of the run whose owner is gone. A session that
 * a live program owns is that one's; those of another test run on this machine, or of a server somebody works with, are none of ours.
 *
 * Linux only: elsewhere nothing can be read and the list is empty. Zombies have no environment and are not listed.
 */
export function leftovers(run: TestRun): FoundProcess[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && isLeftover(pid, run))
    .map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }))
}

function isLeftover(pid: number, { id, folder }: TestRun): boolean {
  const entries = environment(pid)
  if (entries.includes(`GREENROOM_TEST_RUN=${id}`)) return true
  const ours = entries.some((entry) => entry.startsWith('TMPDIR=') && `${entry}/`.startsWith(`TMPDIR=${folder}/`))
  return ours && isMarked(entries) && !hasOwner(pid)
}

/** True when an ancestor short of init, and itself neither a session nor a keeper, is alive: the program that started the session. */
function hasOwner(pid: number): boolean {
  for (let parent = parentOf(pid); parent > 1; parent = parentOf(parent)) {
    if (!isMarked(environment(parent))) return true
  }
  return false
}

function isMarked(entries: readonly string[]): boolean {
  return entries.some((entry) => MARKS.some((mark) => entry.startsWith(mark)))
}

function parentOf(pid: number): number {
  // "pid (name) state ppid …": the name may hold spaces and brackets.
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}

function environment(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

/** The file's text, or nothing when the process is gone or not ours to look at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
