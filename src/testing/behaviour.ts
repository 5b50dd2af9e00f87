/** How one step of a session goes. Milliseconds; `Infinity`: it never ends. */
export interface Step {
  ms: number
  /** It fails when its time has come. */
  fails?: boolean
}

/**
 * How an in-memory session behaves. Every field may be changed at any time, also on a live session; a step goes by what is
 * there when it begins. Milliseconds; 0: at once, without the clock being moved; `Infinity`: never.
 */
export interface Behaviour {
  /** From the spawn to the end of the handshake. */
  start: Step
  /** What a failing start looks like: the handshake rejects, the process exits with a code, or there is no process at all. */
  startFailure: 'rejects' | 'exits' | 'unstartable'
  /** From a message to its answer, unless the message says otherwise. */
  answerMs: number
  /** From a cancel to the turn's terminal message. */
  cancelMs: number
  goodbye: Step
  /** From the end of its input, a SIGTERM, a SIGKILL to its exit. */
  eofMs: number
  termMs: number
  killMs: number
  ping: Step
  reset: Step
  bind: Step
  park: Step
  resume: Step
  /** What a measurement finds; absent: it can't be measured. */
  usage: { memoryBytes?: number; cpuPercent?: number } | undefined
}

/** A session that does everything at once and well. */
export function wellBehaved(): Behaviour {
  return {
    start: { ms: 0 },
    startFailure: 'rejects',
    answerMs: 0,
    cancelMs: 0,
    goodbye: { ms: 0 },
    eofMs: 0,
    termMs: 0,
    killMs: 0,
    ping: { ms: 0 },
    reset: { ms: 0 },
    bind: { ms: 0 },
    park: { ms: 0 },
    resume: { ms: 0 },
    usage: undefined,
  }
}
