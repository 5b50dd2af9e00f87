import fc from 'fast-check'
import { describeFailure, keepsItsPromises } from './property.ts'

/** A batch of schedules to play. With a path it begins with that one: a failure is played again. */
export interface Batch {
  readonly seed: number
  readonly schedules: number
  /** A failure, until it shows in few commands. */
  readonly shorten: boolean
  readonly path?: string
  readonly replayPath?: string
}

/** A schedule that failed: what was wrong, in full, and by what it is played again. */
export interface Failed {
  readonly text: string
  readonly seed: number
  readonly path: string
}

/** What a player tells: that one more schedule was played, that one failed and is being shortened, or what became of the batch. */
export type Told = { readonly commands: number } | { readonly failed: true } | { readonly done: Failed | null }

/** Shortening a failure takes no longer than this. */
const LONGEST_MS = 180_000

// A program of its own: plays batches of random schedules as its parent asks, one at a time. scripts/lib/schedules.mjs starts it.
process.on('message', (batch: Batch) => void play(batch).then((done) => tell({ done })))
// The parent decides when it is over.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit())

/** Resolves to what was wrong; `null` when nothing was. */
async function play({ seed, schedules, shorten, path, replayPath }: Batch): Promise<Failed | null> {
  let failed = false
  const property = keepsItsPromises({
    played: (commands) => failed ? undefined : tell({ commands }),
    failed: () => {
      if (!failed) tell({ failed: true })
      failed = true
    },
  }, replayPath)
  const options = { seed, numRuns: schedules, endOnFailure: !shorten, interruptAfterTimeLimit: LONGEST_MS }
  const details = await fc.check(property, path === undefined ? options : { ...options, path })
  return details.failed ? { text: describeFailure(details), seed: details.seed, path: details.counterexamplePath ?? '' } : null
}

function tell(told: Told): void {
  process.send!(told)
}
