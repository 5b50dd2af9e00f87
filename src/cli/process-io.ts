import { systemClock } from '../kernel/system-clock.ts'
import type { CliIo, StopSignal } from './io.ts'

const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The io of a command that has the process to itself. */
export function processIo(): CliIo {
  const { stdout, stderr, stdin, env } = process
  // `greenroom stats --watch | head` is no failure: whoever read has had enough.
  for (const output of [stdout, stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
  return { stdout, stderr, stdin, env, cwd: process.cwd(), clock: systemClock, onSignal }
}

function onSignal(listener: (signal: StopSignal) => void): () => void {
  for (const signal of STOP_SIGNALS) process.on(signal, listener)
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener)
  }
}
