/**
 * Sends a signal to every process of the group that `pid` leads; on Windows, which has no groups, to the process alone.
 * False when nothing was there to receive it.
 * Descendants that left the group are not in it: tree/ finds those.
 */
export function signalProcessGroup(pid: number, signal: NodeJS.Signals): boolean {
  return send(process.platform === 'win32' ? pid : -pid, signal)
}

/** Sends a signal to one process. False when it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  return send(pid, signal)
}

/** True when there is a process with this id, be it a zombie or another's. */
export function isProcessThere(pid: number): boolean {
  return send(pid, 0)
}

/** True when there is anything in the group that `pid` leads or led, be it a zombie. */
export function isGroupAlive(pid: number): boolean {
  return process.platform !== 'win32' && send(-pid, 0)
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal)
  } catch {
    // ESRCH: gone. EPERM: all that is left of it belongs to another user, so it can't be reached, which is the same to the caller.
    return false
  }
}
