import type { Clock } from 'greenroom/kit'
import { isBusy } from './fault.ts'

/** Tries again while another process has the file locked, for `ms` at most. */
export async function patiently<T>(action: () => T, ms: number, clock: Clock): Promise<T> {
  const due = clock.now() + ms
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 50)) {
    try {
      return action()
    } catch (problem) {
      if (!isBusy(problem) || clock.now() >= due) throw problem
    }
    await new Promise<void>((resolve) => void clock.setTimer(resolve, pauseMs))
  }
}
