import { execFile } from 'node:child_process'
import type { Clock } from 'greenroom/kit'

const LONGEST_MS = 5_000

/** Runs prlimit (util-linux); what it prints. Rejects with what it said, or when it takes too long. */
export function runPrlimit(args: readonly string[], clock: Clock, command = 'prlimit'): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, [...args], { encoding: 'utf8' }, (error, stdout, stderr) => {
      deadline.cancel()
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }))
      else resolve(stdout)
    })
    const deadline = clock.setTimer(() => child.kill('SIGKILL'), LONGEST_MS)
  })
}
