import type { Child } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { GreenroomError } from '../contracts/errors.ts'

/** How long the news of the exit may take to follow the end of the pipes. */
const EXIT_FOLLOWS_MS = 1_000

/**
 * Calls `broken` with `PROTOCOL_ERROR` when the process closed its stdin or stdout and yet lives: nobody can talk to it any
 * more. For one that ends, its exit says more than the end of its pipes, so nothing is reported.
 */
export function reportLostPipes(child: Child, clock: Clock, broken: (error: GreenroomError) => void): void {
  let pending = false
  child.stdout.once('end', () => lost('stdout'))
  child.stdin.once('error', () => lost('stdin'))

  function lost(pipe: string): void {
    if (pending || child.exit) return
    pending = true
    const timer = clock.setTimer(() => {
      broken(new GreenroomError('PROTOCOL_ERROR', `The program closed its ${pipe} but is still running: it can't be talked to any more`))
    }, EXIT_FOLLOWS_MS, { background: true })
    void child.exited.then(() => timer.cancel())
  }
}
