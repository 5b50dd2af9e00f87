import { basename } from 'node:path'

/** How a shell is started and spoken to. */
export interface Dialect {
  readonly args: readonly string[]
  /** Marks go to copies of the first stdout and stderr, which commands don't have: their output goes where they send it, marks don't. */
  readonly stdout: number
  readonly stderr: number
  /** From here a command is read. */
  readonly script: number
}

/** Numbers that scripts hardly use. Only bash takes numbers of two digits. */
const BASH: Pick<Dialect, 'stdout' | 'stderr' | 'script'> = { script: 97, stdout: 98, stderr: 99 }
const POSIX: Pick<Dialect, 'stdout' | 'stderr' | 'script'> = { script: 7, stdout: 8, stderr: 9 }

/**
 * An interactive shell, without what is for people only (editing, history, job control): it alone goes on after an interrupt, an unset
 * variable and every other error that ends a script. Its own prompts and remarks go to /dev/null; to that end it is started by another
 * one, which becomes it. No start-up files, for both: bash reads ~/.bashrc also for `-c` when its stdin is a socket.
 *
 * No history: it would be kept in the home directory, for whoever comes next to read.
 */
export function dialectOf(command: string): Dialect {
  const isBash = basename(command) === 'bash'
  const numbers = isBash ? BASH : POSIX
  const bare = isBash ? ['--norc', '--noprofile'] : []
  const flags = isBash ? [...bare, '--noediting', '-i', '+m', '+H', '+o', 'history'] : ['-i']
  const start = `exec ${numbers.stdout}>&1 ${numbers.stderr}>&2 >/dev/null 2>&1; HISTFILE= exec "$0" "$@"`
  return { ...numbers, args: [...bare, '-c', start, command, ...flags] }
}

/** First of all: nothing of this is the user's. */
export function setUp(): string {
  return '\\command unset HISTFILE\n'
}

/** Puts out a mark on both streams. Free of quotes, so that a shell that is interrupted while it reads this waits for no closing one. */
export function markLine({ stdout, stderr }: Dialect, token: string): string {
  return `\\command printf \\\\036%s:%s\\\\n ${token} s >&${stdout}; \\command printf \\\\036%s:%s\\\\n ${token} s >&${stderr}\n`
}

/**
 * Runs a command in the shell itself, between two marks: `b` on stdout when all of it has been read, and at its end its exit code on
 * stdout and `e` on stderr. It is read from a here-document that only the token ends, as a file: so whatever is unfinished in it ends with
 * it, and `return` and line numbers mean what they say. `\command` passes by aliases and functions of these names.
 */
export function commandLines({ stdout, stderr, script }: Dialect, token: string, command: string): string {
  const streams = `</dev/null >&${stdout} 2>&${stderr} ${stdout}>&- ${stderr}>&-`
  return `\\command printf '\\036%s:b\\n' ${token} >&${stdout}; \\command . /dev/fd/${script} ${script}<<'${token}' ${streams}\n`
    + `${command}\n${token}\n`
    + `\\command printf '\\036%s:%s\\n' ${token} "$?" >&${stdout}; \\command printf '\\036%s:e\\n' ${token} >&${stderr}\n`
}
