import type { Child, ExitInfo } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'

export interface EndOptions {
  readonly clock: Clock
  /** Milliseconds for each step: goodbye and end of input, SIGTERM, SIGKILL. */
  readonly stepMs: number
  /** Says goodbye in the program's protocol, before its input is closed. Its signal aborts at the end of the step. */
  readonly goodbye?: ((signal: AbortSignal) => Promise<void>) | undefined
  /** Goes to SIGKILL at once. */
  readonly immediate?: boolean
}

export interface EndReport {
  /**
   * What ended the process. `gone`: it had ended already. `goodbye`: goodbye or the end of input. `lost`: it was there still
   * after SIGKILL and its deadline, as a process in an uninterruptible system call is.
   */
  readonly step: 'gone' | 'goodbye' | 'sigterm' | 'sigkill' | 'lost'
  /** Absent when the process is lost. */
  readonly exit?: ExitInfo
  /** What the goodbye failed with, when it failed before the process was gone. */
  readonly goodbyeProblem?: unknown
}

/**
 * Ends a process and its whole tree: goodbye and end of input, SIGTERM, SIGKILL. A step is over as soon as the process is
 * gone, at the latest after `stepMs`, so that this takes 3 × `stepMs` at most whatever the process does (INV 17, INV 20).
 * What is left of its group is then killed, and whatever else is left of the tree as soon as it is found: `child.endTree()` tells
 * when that is done. Never rejects. May be called again on the same child.
 */
export async function endChild(child: Child, options: EndOptions): Promise<EndReport> {
  const report = await climb(child, options)
  // INV 18: descendants don't outlive it. Nobody waits for the look at all processes: its place is free already.
  child.signalGroup('SIGKILL')
  void child.endTree?.()
  return report
}

async function climb(child: Child, { clock, stepMs, goodbye, immediate = false }: EndOptions): Promise<EndReport> {
  if (child.exit) return { step: 'gone', exit: child.exit }
  const problem: { goodbyeProblem?: unknown } = {}
  // Before anything ends: the links to descendants that carry no mark are cut with their parents.
  if (child.noteTree) await child.noteTree()

  if (!immediate) {
    const farewell = new AbortController()
    void sayGoodbye(goodbye, farewell.signal, problem).then(() => child.stdin.end())
    const left = await exitWithin(child, stepMs, clock)
    farewell.abort(new Error('The time to say goodbye is over'))
    if (left) return { step: 'goodbye', exit: left, ...problem }

    // For a goodbye that has not come to its end.
    child.stdin.end()
    send(child, 'SIGTERM')
    // A stopped process gets SIGTERM only when it is continued.
    send(child, 'SIGCONT')
    const terminated = await exitWithin(child, stepMs, clock)
    if (terminated) return { step: 'sigterm', exit: terminated, ...problem }
  }

  if (child.noteTree && !immediate) await child.noteTree()
  send(child, 'SIGKILL')
  const killed = await exitWithin(child, stepMs, clock)
  return killed ? { step: 'sigkill', exit: killed, ...problem } : { step: 'lost', ...problem }
}

async function sayGoodbye(goodbye: EndOptions['goodbye'], signal: AbortSignal, problem: { goodbyeProblem?: unknown }): Promise<void> {
  try {
    await goodbye?.(signal)
  } catch (error) {
    problem.goodbyeProblem = error
  }
}

/** The process itself too: it may have moved to another group. */
function send(child: Child, signal: NodeJS.Signals): void {
  if (child.signalTree && signal !== 'SIGKILL') void child.signalTree(signal)
  else if (!child.signalGroup(signal)) child.signal(signal)
}

/** Resolves to how the process ended, or to `undefined` after `ms`. */
function exitWithin(child: Child, ms: number, clock: Clock): Promise<ExitInfo | undefined> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(() => resolve(undefined), ms)
    void child.exited.then((exit) => {
      timer.cancel()
      resolve(exit)
    })
  })
}
