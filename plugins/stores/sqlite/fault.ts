import { GreenroomError, messageOf } from 'greenroom/kit'

const ADVICE: readonly (readonly [code: string, what: (path: string) => string])[] = [
  ['SQLITE_BUSY', (path) => `${path} is locked by another process: end that, or raise store.busyTimeout`],
  ['SQLITE_LOCKED', (path) => `${path} is locked by another process: end that, or raise store.busyTimeout`],
  ['SQLITE_NOTADB', (path) => `${path} is no SQLite database: it was left as it is. Give another store.path, or move it away`],
  ['SQLITE_CORRUPT', (path) => `${path} is damaged: it was left as it is. Try to recover it (sqlite3 ${path} .recover), or move it away`],
  ['SQLITE_FULL', (path) => `there is no room left on the disk of ${path}: nothing was written`],
  ['SQLITE_READONLY', (path) => `${path} may not be written: check its permissions and those of its folder`],
  ['SQLITE_IOERR', (path) => `${path} could not be read or written: check its disk`],
  ['SQLITE_CANTOPEN', (path) => `${path} can't be opened: check that its folder is there, and its permissions`],
]

/** What SQLite failed with, for people. */
export function explain(problem: unknown, path: string): GreenroomError {
  const code = codeOf(problem)
  const [, what] = ADVICE.find(([prefix]) => code.startsWith(prefix)) ?? []
  return new GreenroomError('STORE_FAILED', what ? `${what(path)} (${messageOf(problem)})` : `${path}: ${messageOf(problem)}`, { cause: problem })
}

export function isBusy(problem: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(problem))
}

function codeOf(problem: unknown): string {
  const { code } = (problem ?? {}) as { code?: unknown }
  // The driver gives the code of a failed opening as text only.
  if (typeof code !== 'string' || code === '') return /Unable to open/.test(messageOf(problem)) ? 'SQLITE_CANTOPEN' : ''
  return /Unable to open|ConnectionFailed/.test(code) ? 'SQLITE_CANTOPEN' : code
}
