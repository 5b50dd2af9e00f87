import { statSync } from 'node:fs'
import type { SpawnSpec } from '../contracts/child.ts'
import { messageOf } from '../contracts/errors.ts'

/** Turns what the system says about a command that could not be started into what to do about it. */
export function spawnProblem(thrown: unknown, spec: SpawnSpec): Error {
  return Object.assign(new Error(explain(thrown, spec), { cause: thrown }), { code: codeOf(thrown) })
}

function explain(thrown: unknown, { command, cwd }: SpawnSpec): string {
  const named = JSON.stringify(command)
  const code = codeOf(thrown)
  // The system says ENOENT or ENOTDIR both for a missing command and for a missing folder.
  const folder = (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') && cwd !== undefined ? folderProblem(cwd) : undefined
  if (folder) return `${named} could not be started: its working directory ${JSON.stringify(cwd)} ${folder}`
  if (code === 'ENOENT') {
    return /[\\/]/.test(command)
      ? `${named} could not be started: there is no such file, or the interpreter it names in its first line is missing`
      : `${named} could not be started: it was not found on PATH. Install it, or give its full path`
  }
  if (code === 'EACCES' || code === 'EPERM') return `${named} could not be started: it may not be executed (${code}). Check its permissions`
  if (code === 'EAGAIN' || code === 'ENOMEM') {
    return `${named} could not be started: the system has no room for another process now (${code}). Lower size.max, or raise its limits`
  }
  if (code === 'EMFILE' || code === 'ENFILE') {
    return `${named} could not be started: too many files are open (${code}). Lower size.max, or raise the limit (ulimit -n)`
  }
  if (code === 'E2BIG') return `${named} could not be started: its arguments and environment are too long (E2BIG)`
  return `${named} could not be started: ${messageOf(thrown)}`
}

function folderProblem(cwd: string): string | undefined {
  try {
    return statSync(cwd).isDirectory() ? undefined : 'is not a directory'
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'does not exist' : `can't be used (${messageOf(error)})`
  }
}

function codeOf(thrown: unknown): string | undefined {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : undefined
}
