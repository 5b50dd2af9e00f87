import type { Readable, Writable } from 'node:stream'

/** How a process ended. Exactly one of `code` and `signal` is set, save for a process that never started (`error`) or ended `unseen`. */
export interface ExitInfo {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Set when the process could not be started at all (ENOENT, EACCES, EAGAIN…). */
  readonly error?: Error
  /** Set when it has ended and nobody knows how: the keeper that started it, and would have been told, was killed before. */
  readonly unseen?: true
}

/** What to run. The environment is the whole environment: nothing is inherited that is not named here. */
export interface SpawnSpec {
  readonly command: string
  readonly args?: readonly string[]
  /** Working directory; the host's when absent. */
  readonly cwd?: string
  /** Variables to set. */
  readonly env?: Readonly<Record<string, string>>
  /** Names of host variables the child may see, beside the few every program needs (PATH, HOME, LANG, TMPDIR…). */
  readonly inheritEnv?: readonly string[]
}

/**
 * One live process and its pipes. The pool owns it: drivers read and write, and may send a signal to interrupt;
 * only the retirer ends it.
 */
export interface Child {
  /** `undefined` when the process could not be started, and before that is known (see `started`). */
  readonly pid: number | undefined
  /** Settles when it is known whether the process could be started; never rejects. Absent where that is known from the spawn on. */
  readonly started?: Promise<void>
  /** The value of GREENROOM_SESSION in its environment, which its descendants inherit. Absent where it has none. */
  readonly marker?: string
  readonly stdin: Writable
  readonly stdout: Readable
  /** Bytes that came out of stdout so far: what the silence watchdog looks at, with those of stderr. */
  readonly bytesRead: number
  /** Bytes that came out of stderr so far. Absent where they are not counted. */
  readonly stderrBytes?: number
  /** Settles when the process is gone; never rejects. It exists from the spawn on. */
  readonly exited: Promise<ExitInfo>
  /** The same, once known. */
  readonly exit: ExitInfo | undefined
  /** The last lines of stderr, bounded. */
  stderrTail(): string
  /**
   * Gives all that it writes to stdout from now on to `reader`, past the stream, which then flows and emits no `data`; its end, `pause()` and
   * `resume()` are as before. A chunk is only good until `reader` returns: its bytes are then overwritten by what other programs write.
   * Absent where there is the stream only; `readStdout` of the kit knows both.
   */
  readStdout?(reader: (chunk: Buffer) => void): void
  /**
   * Gives all that it writes to stderr from now on to `reader`, for protocols that need more than the tail; what that returns is kept
   * for the tail. Stderr is read all the time, so the program never waits for it. Absent where only the tail is known.
   */
  readStderr?(reader: (chunk: Buffer) => Buffer): void
  /** Sends a signal to the process alone (to interrupt it). False when it is gone. */
  signal(signal: NodeJS.Signals): boolean
  /** Sends a signal to the whole process group. False when nothing was there to receive it. */
  signalGroup(signal: NodeJS.Signals): boolean
  /** Takes note of the descendants there are now, so that they are known also when an end has cut the links to them. Never rejects. */
  noteTree?(): Promise<void>
  /** Sends a signal to the group now, and to those of its tree that left the group as soon as they are found. Never rejects. */
  signalTree?(signal: NodeJS.Signals): Promise<void>
  /**
   * SIGKILLs what is left of its tree, and makes sure that nothing is; what is left nonetheless after a bound is reported. Call it when
   * the process is gone, or lost. Never rejects; called again, the first end stands.
   */
  endTree?(): Promise<void>
}

/** Starts processes. The one from `process/` starts real ones; tests bring their own. */
export interface Spawner {
  /** Never throws for a command that cannot be started: such a child has `exit.error`. */
  spawn(spec: SpawnSpec): Child
  /**
   * Makes sure that nothing is left of all the trees it started, and ends what is, within `boundMs`. What it could not end is reported. For
   * when every child is gone. Never rejects.
   */
  clear?(boundMs: number): Promise<void>
}
