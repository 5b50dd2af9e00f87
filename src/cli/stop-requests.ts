import type { CliIo, StopSignal } from './io.ts'

/**
 * One Ctrl-C reaches a program under npm more than once: from the terminal, which signals the whole group, and from npm and its
 * shell, which pass it on. What comes this soon after the first is the same Ctrl-C.
 */
const SAME_MS = 500

/** The first request to stop, which is to be obeyed with care, and the second, which is to be obeyed at once. */
export class StopRequests {
  readonly first: Promise<StopSignal>
  readonly second: Promise<StopSignal>
  readonly dispose: () => void

  constructor(io: Pick<CliIo, 'clock' | 'onSignal'>) {
    let onFirst!: (signal: StopSignal) => void
    let onSecond!: (signal: StopSignal) => void
    this.first = new Promise((resolve) => (onFirst = resolve))
    this.second = new Promise((resolve) => (onSecond = resolve))
    let firstAt: number | undefined
    this.dispose = io.onSignal((signal) => {
      const now = io.clock.now()
      if (firstAt === undefined) {
        firstAt = now
        onFirst(signal)
      } else if (now - firstAt > SAME_MS) onSecond(signal)
    })
  }
}
