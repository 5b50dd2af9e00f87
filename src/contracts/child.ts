import type { Readable, Writable } from 'node:stream'

/** How a process ended. Exactly one of `code` and `signal` is set, save for a process that never started (`error`). */
export interface ExitInfo {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Set when the process could not be started at all (ENOENT, EACCES, EAGAIN…). */
  readonly error?: Error
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
  /** `undefined` when the process could not be started. */
  readonly pid: number | undefined
  readonly stdin: Writable
  readonly stdout: Readable
  /** Bytes that came out of stdout so far: what the silence watchdog looks at. */
  readonly bytesRead: number
  /** Settles when the process is gone; never rejects. It exists from the spawn on. */
  readonly exited: Promise<ExitInfo>
  /** The same, once known. */
  readonly exit: ExitInfo | undefined
  /** The last lines of stderr, bounded. */
  stderrTail(): string
  /** Sends a signal to the process alone (to interrupt it). False when it is gone. */
  signal(signal: NodeJS.Signals): boolean
  /** Sends a signal to the whole process group. False when nothing was there to receive it. */
  signalGroup(signal: NodeJS.Signals): boolean
}

/** Starts processes. The one from `process/` starts real ones; tests bring their own. */
export interface Spawner {
  /** Never throws for a command that cannot be started: such a child has `exit.error`. */
  spawn(spec: SpawnSpec): Child
}
