import { randomUUID } from 'node:crypto'

/** The variable that marks every process of a session: descendants inherit it, also those that leave the process group. */
export const SESSION_MARKER = 'GREENROOM_SESSION'

/** The form of a mark: host, pool and session, and the same again for each greenroom inside of a session. */
const MARK = /^[\w-]+(\/[\w-]+)*$/

let own: string | undefined
let pools = 0

/**
 * What the marks of all sessions of this host process begin with. Where the host runs inside of a session itself, that
 * session's mark comes first: what belongs to an inner session belongs to the outer one, too.
 */
export function hostMarker(): string {
  const outer = process.env[SESSION_MARKER] ?? ''
  return (own ??= MARK.test(outer) ? `${outer}/${randomUUID()}` : randomUUID())
}

/** A beginning for the marks of one spawner's sessions. */
export function newPoolMarker(): string {
  return `${hostMarker()}/${++pools}`
}
