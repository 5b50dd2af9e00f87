/**
 * Sends a signal to every process of the group that `pid` leads; on Windows, which has no groups, to the process alone.
 * False when nothing was there to receive it.
 *
 * This is the one place where "all processes of a session" is decided. Descendants that left the group are not in it.
 */
export function signalProcessGroup(pid: number, signal: NodeJS.Signals): boolean {
  return send(process.platform === 'win32' ? pid : -pid, signal)
}

/** Sends a signal to one process. False when it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  return send(pid, signal)
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal)
  } catch {
    // ESRCH: gone. EPERM: all that is left of it belongs to another user, so it can't be reached, which is the same to the caller.
    return false
  }
}
