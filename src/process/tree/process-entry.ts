/** A process for certain: its id alone may become another's after its end. */
export interface ProcessId {
  readonly pid: number
  /** When it was started, in whatever unit the system has (Linux: clock ticks since boot). Compare it only with others of its kind. */
  readonly startTime: number
}

/** A process as a look at the process table found it. */
export interface ProcessEntry extends ProcessId {
  readonly ppid: number
  readonly pgid: number
  /** The terminal session (setsid) it is in; 0 where the system doesn't tell. */
  readonly sid: number
  /** False for a zombie: it has ended and only waits for its parent to collect it. */
  readonly alive: boolean
  /** Stopped by a signal (or a debugger): it can't start others. */
  readonly stopped: boolean
  /** The session's mark in its environment; `undefined` when it has none or it can't be read. */
  readonly marker: string | undefined
}

/** Where a session's tree begins. Give all that is known of it. */
export interface TreeSeed {
  /** The process that was started. */
  readonly pid?: number | undefined
  /** Its start time. Without it, `pid` is believed only while `ownsPid` says so. */
  readonly startTime?: number | undefined
  /** The process has not been collected yet: its id can't be another's. Default false. */
  readonly ownsPid?: boolean
  /**
   * Its group was seen alive ever since, so that its number can't be another's, though the process itself may be gone.
   * Default false: then a group whose leader is gone is not taken for its own by number.
   */
  readonly ownsGroup?: boolean
  /** What the environment of its every process says, unless they changed it. */
  readonly marker?: string | undefined
}

/** True for two sights of one process. */
export function isSame(a: ProcessId, b: ProcessId): boolean {
  return a.pid === b.pid && a.startTime === b.startTime
}
