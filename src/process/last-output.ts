import type { Readable } from 'node:stream'
import type { Clock, Timer } from '../contracts/clock.ts'

/** Turns of the event loop without a byte, after which the pipes of a process that is gone hold nothing more of it. */
const QUIET_TURNS = 3
/** How often a pipe that its consumer has paused is looked at. */
const PAUSED_LOOK_MS = 10

type Pipe = Readable & { readonly bytesRead: number }

/**
 * Calls `done` once when the pipes of a process that has just exited have given all it wrote: when they ended, or when they
 * were quiet for a few turns of the event loop (what it wrote is in them already, so each turn reads some), at the latest after
 * `boundMs`: a descendant may hold them open and write for ever, and a slow consumer may have paused them.
 */
export function afterLastOutput(pipes: readonly Pipe[], clock: Clock, boundMs: number, done: () => void): void {
  let quiet = 0
  let seen = -1
  let over = false
  let pausedLook: Timer | undefined
  const bound = clock.setTimer(finish, boundMs, { background: true })
  setImmediate(look)

  function look(): void {
    if (over) return
    if (pipes.every((pipe) => pipe.readableEnded || pipe.destroyed)) return finish()
    const read = pipes.reduce((sum, pipe) => sum + pipe.bytesRead, 0)
    const held = pipes.some((pipe) => pipe.isPaused() || pipe.readableLength > 0)
    quiet = read === seen && !held ? quiet + 1 : 0
    seen = read
    if (quiet === QUIET_TURNS) return finish()
    if (held) pausedLook = clock.setTimer(look, PAUSED_LOOK_MS, { background: true })
    else setImmediate(look)
  }

  function finish(): void {
    over = true
    bound.cancel()
    pausedLook?.cancel()
    done()
  }
}
