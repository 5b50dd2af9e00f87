import { definePlugin, duration, formatDuration, z, type Clock, type HealthCheck, type HealthSubject, type HealthVerdict } from 'greenroom/kit'
import { runStates, type RunState, type RunStates } from './parts/run-state.ts'

const options = z.strictObject({
  stoppedFor: duration().default(1_000)
    .describe('How long a process must be seen stopped all the time: a limit that throttles stops one for moments. Default 1s.'),
})

declare module 'greenroom/kit' {
  interface HealthOptions {
    process: z.input<typeof options>
  }
}

const UNKNOWN: HealthVerdict = { healthy: undefined, reason: 'this system does not tell how its process is' }

/** Whether the process itself is there, and runs: it has not ended unnoticed (a zombie), and was not stopped by a signal. It sends the program nothing. */
export class ProcessCheck implements HealthCheck {
  readonly #states: RunStates
  readonly #clock: Clock
  readonly #stoppedFor: number

  constructor(states: RunStates, clock: Clock, stoppedFor: number) {
    this.#states = states
    this.#clock = clock
    this.#stoppedFor = stoppedFor
  }

  async check({ session: { pid } }: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    if (pid === undefined) return UNKNOWN
    let state = await this.#states.read(pid, signal)
    const until = this.#clock.now() + this.#stoppedFor
    while (state === 'stopped' && this.#clock.now() < until) {
      await this.#pause(signal)
      state = await this.#states.read(pid, signal)
    }
    return this.#verdict(state)
  }

  #verdict(state: RunState): HealthVerdict {
    switch (state) {
      case 'running': return { healthy: true, reason: 'its process runs' }
      case 'stopped': return { healthy: false, reason: `its process was stopped by a signal, for ${formatDuration(this.#stoppedFor)} at least` }
      case 'zombie': return { healthy: false, reason: 'its process has ended and nobody has collected it (a zombie)' }
      case 'gone': return { healthy: false, reason: 'its process is gone' }
      case undefined: return UNKNOWN
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        timer.cancel()
        reject(signal.reason as Error)
      }
      const timer = this.#clock.setTimer(() => {
        signal.removeEventListener('abort', stop)
        resolve()
      }, this.#states.pauseMs, { background: true })
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }
}

export default definePlugin({
  name: 'process',
  apply(kernel) {
    kernel.strategy('health', 'process', {
      description: 'Whether its process is alive, and neither a zombie nor stopped; for programs that have no ping, or beside one.',
      options,
      create: ({ stoppedFor }, { clock }) => new ProcessCheck(runStates(), clock, stoppedFor),
    })
  },
})
