import type { ExitInfo } from '../contracts/child.ts'

const LINES = 5

/** How a process ended, for error messages: `exited with code 3`, `was killed by SIGKILL`, with the last lines of its stderr. */
export function describeExit(exit: ExitInfo, stderrTail: string): string {
  const lines = stderrTail.trimEnd().split('\n').slice(-LINES)
  const said = lines.join('\n').trim()
  return said === '' ? howItEnded(exit) : `${howItEnded(exit)}. The last it wrote to stderr:\n${said}`
}

function howItEnded({ code, signal, error, unseen }: ExitInfo): string {
  if (error) return error.message.includes('could not be started') ? error.message : `could not be started: ${error.message}`
  if (unseen) return 'ended, and nobody saw how: the keeper that started it was killed before'
  return signal ? `was killed by ${signal}` : `exited with code ${code}`
}
