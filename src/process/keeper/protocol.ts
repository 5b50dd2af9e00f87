/** What host and keeper say to each other over the control channel, one message each. Bytes of sessions never go that way. */

/** Raised with every change of what is said: a keeper of another build of greenroom is not used. */
export const PROTOCOL = 1

/** The name of the socket in the keeper's folder. */
export const SOCKET_NAME = 's'

/** What the names of keepers' folders begin with. */
export const FOLDER_PREFIX = 'greenroom-keeper-'

/** Set in a keeper's environment, to what the marks of all sessions of its host begin with. */
export const KEEPER_MARKER = 'GREENROOM_KEEPER'

/** Stdin, stdout and stderr are connections of the host, each introduced by the session's token and the number of the stream. */
export type StreamNumber = 0 | 1 | 2

/** Bytes of a token: hexadecimal digits that nobody can guess. */
export const TOKEN_LENGTH = 32

/** What a connection begins with. */
export function introduction(token: string, stream: StreamNumber): string {
  return `${token}${stream}`
}

export const INTRODUCTION_LENGTH = TOKEN_LENGTH + 1

/** One process to start. It is all the process gets: nothing is inherited from the keeper. */
export interface SpawnOrder {
  readonly id: number
  readonly token: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** A process that an earlier keeper started. */
export interface Survivor {
  readonly id: number
  readonly pid: number
  readonly startTime: number | undefined
}

export type ToKeeper =
  | ({ readonly type: 'spawn' } & SpawnOrder)
  /** End these, too, when the host is gone. */
  | { readonly type: 'mind'; readonly survivors: readonly Survivor[] }
  /** A survivor is gone. */
  | { readonly type: 'forget'; readonly id: number }
  /** A file to remove when all is ended after the host's end: its record of what lives. */
  | { readonly type: 'record'; readonly path: string }
  | { readonly type: 'ping' }
  /** All is done: leave without a look for what is left. */
  | { readonly type: 'leave' }

export type FromKeeper =
  | { readonly type: 'listening'; readonly protocol: number; readonly path: string }
  | { readonly type: 'started'; readonly id: number; readonly pid: number; readonly startTime?: number }
  | { readonly type: 'failed'; readonly id: number; readonly message: string; readonly code?: string }
  | { readonly type: 'exited'; readonly id: number; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly type: 'pong' }
