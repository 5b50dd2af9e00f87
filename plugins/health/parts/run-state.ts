import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** How a process is: `gone` when there is none of that number; `undefined` when the system does not tell. */
export type RunState = 'running' | 'stopped' | 'zombie' | 'gone' | undefined

/** Looks at one process. Rejects only when `signal` aborts. */
export type RunStateReader = (pid: number, signal: AbortSignal) => Promise<RunState>

export interface RunStates {
  readonly read: RunStateReader
  /** Between two looks at a process that is stopped: one costs so much more than the other. */
  readonly pauseMs: number
}

/** How this system tells. */
export function runStates(root = '/proc'): RunStates {
  return existsSync(`${root}/self/stat`) ? { read: byProc(root), pauseMs: 5 } : { read: byPs(), pauseMs: 50 }
}

/** Linux. Some 0.02 ms. */
function byProc(root: string): RunStateReader {
  return (pid) => {
    try {
      const stat = readFileSync(`${root}/${pid}/stat`, 'latin1')
      // "pid (name) state …": the name may hold spaces and brackets.
      return Promise.resolve(stateOf(stat.slice(stat.lastIndexOf(')') + 2)))
    } catch (problem) {
      const { code } = problem as NodeJS.ErrnoException
      return Promise.resolve(code === 'ENOENT' || code === 'ESRCH' ? 'gone' : undefined)
    }
  }
}

/** The other systems of the Unix family. Where there is no ps, nothing can be found out. */
export function byPs(command = 'ps'): RunStateReader {
  return (pid, signal) => new Promise((resolve, reject) => {
    execFile(command, ['-o', 'stat=', '-p', String(pid)], { signal }, (problem, stdout) => {
      if (signal.aborted) reject(signal.reason as Error)
      else if (stdout.trim() !== '') resolve(stateOf(stdout.trim()))
      // That is how it says that there is none: nothing on stdout, and code 1.
      else resolve(problem?.code === 1 ? 'gone' : undefined)
    })
  })
}

function stateOf(text: string): RunState {
  const letter = text[0]
  if (letter === undefined) return undefined
  if (letter === 'Z') return 'zombie'
  if (letter === 'X' || letter === 'x') return 'gone'
  return letter === 'T' || letter === 't' ? 'stopped' : 'running'
}
