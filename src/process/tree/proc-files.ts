import { closeSync, openSync, readSync } from 'node:fs'

/** Longest environment that is looked at. */
const LONGEST = 4 * 2 ** 20

let buffer = Buffer.allocUnsafe(64 * 2 ** 10)

/** What a process said about itself in one line of /proc. */
export interface ProcStat {
  readonly name: string
  readonly state: string
  readonly ppid: number
  readonly pgid: number
  readonly sid: number
  readonly flags: number
  /** Clock ticks since boot. */
  readonly startTime: number
  /** Where its environment begins in its memory, which changes when it runs another program; '0' when that is not for us to know. */
  readonly environmentAt: string
}

/**
 * /proc/PID/stat, or `undefined` when there is no such process.
 * @throws what is no answer to that, such as EMFILE: "unknown" must not be taken for "gone".
 */
export function readStat(pid: number | 'self', root = '/proc'): ProcStat | undefined {
  const length = read(`${root}/${pid}/stat`)
  if (length === undefined) return undefined
  const text = buffer.toString('latin1', 0, length)
  // "pid (name) state ppid …": the name may hold spaces and brackets.
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  return {
    name: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    ppid: Number(fields[1]),
    pgid: Number(fields[2]),
    sid: Number(fields[3]),
    flags: Number(fields[6]),
    startTime: Number(fields[19]),
    environmentAt: fields[47] ?? '0',
  }
}

/**
 * The value of a variable in the environment that a process was started with; `undefined` when it has none, `'unreadable'` when
 * the process is another user's or protects itself.
 */
export function readVariable(pid: number, name: string, root = '/proc'): { value: string | undefined } | 'unreadable' {
  let length: number | undefined
  try {
    length = read(`${root}/${pid}/environ`)
  } catch (error) {
    if (isDenied(error)) return 'unreadable'
    throw error
  }
  if (length === undefined) return { value: undefined }
  const text = buffer.subarray(0, length)
  const wanted = `${name}=`
  let at = text.indexOf(wanted, 0, 'latin1')
  while (at > 0 && text[at - 1] !== 0) at = text.indexOf(wanted, at + 1, 'latin1')
  if (at === -1) return { value: undefined }
  const end = text.indexOf(0, at)
  return { value: text.toString('latin1', at + wanted.length, end === -1 ? length : end) }
}

/** A list of children, /proc/PID/task/TID/children. */
export function readChildren(path: string): number[] {
  const length = read(path)
  return length === undefined ? [] : buffer.toString('latin1', 0, length).split(' ').filter(Boolean).map(Number)
}

/** Fills the buffer; how many bytes that are, or `undefined` when the process is gone. */
function read(path: string): number | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    let length = 0
    for (;;) {
      const got = readSync(descriptor, buffer, length, buffer.length - length, null)
      length += got
      if (got === 0 || length < buffer.length || length >= LONGEST) return length
      const larger = Buffer.allocUnsafe(buffer.length * 2)
      buffer.copy(larger)
      buffer = larger
    }
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR'
}

function isDenied(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EACCES' || code === 'EPERM'
}
