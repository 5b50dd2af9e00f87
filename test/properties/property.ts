import fc from 'fast-check'
import { type Command, type Schedule, schedule } from './commands.ts'
import { begin, close, rest } from './rest.ts'
import { type Ending, ending, type Setting, setting, TIMEOUTS } from './setting.ts'
import { Theatre } from './theatre.ts'

/** Hears of every schedule that was played: how many commands it had, or that it failed. */
export interface Tally {
  played(commands: number): void
  failed(): void
}

/**
 * The property: in any setting, whatever callers, programs and plugins do, and in whatever way the pool is closed in the end, every
 * invariant holds after every step and at rest.
 * @param replayPath Of a failure, as it was printed.
 */
export function keepsItsPromises(tally?: Tally, replayPath?: string): fc.IAsyncProperty<[Setting, Schedule, Ending]> {
  return fc.asyncProperty(setting, schedule(replayPath), ending, async (set, steps, end) => {
    try {
      const commands = await play(set, [...steps], end)
      tally?.played(commands)
    } catch (problem) {
      tally?.failed()
      throw problem
    }
  })
}

/** Plays one schedule. Rejects with what is wrong; resolves to the number of commands. */
async function play(set: Setting, steps: readonly Command[], end: Ending): Promise<number> {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const theatre = await Theatre.open(set)
  const tail = end.how === 'rest' ? 0 : Math.min(end.tail, steps.length)
  try {
    await run(theatre, steps.slice(0, steps.length - tail))
    if (end.how === 'rest') await rest(theatre)
    begin(theatre, end)
    await run(theatre, steps.slice(steps.length - tail))
    await close(theatre, end)
    theatre.fault(unhandled.length > 0, `unhandled rejections: ${unhandled.map(String).join(', ')} (INV 8)`)
    theatre.fail()
  } finally {
    // A failed run must not disturb the next.
    theatre.behave()
    const closed = theatre.pool.close({ grace: 0 })
    await theatre.world.clock.advance(10 * TIMEOUTS.close)
    await closed
    process.off('unhandledRejection', note)
  }
  return theatre.played
}

async function run(theatre: Theatre, steps: readonly Command[]): Promise<void> {
  await fc.asyncModelRun(() => ({ model: {}, real: theatre }), steps)
  // The last may have been rushed.
  await theatre.world.clock.settle()
  theatre.check()
}

/** How a failure is told: what was wrong, the shortest list of commands that shows it, and how it is replayed. */
export function describeFailure(details: fc.RunDetails<[Setting, Schedule, Ending]>): string {
  const { counterexample, errorInstance, seed, counterexamplePath, numShrinks } = details
  const [set, steps, end] = counterexample ?? []
  const list = String(steps)
  const replayPath = /replayPath="([^"]*)"/.exec(list)?.[1] ?? ''
  const commands = list.replace(/\s*\/\*.*\*\/\s*$/, '').split(/,(?![^(]*\))/)
  return [
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    '',
    `setting: ${JSON.stringify(set)}`,
    `ending: ${JSON.stringify(end)}`,
    `commands, ${commands.length} (shortened ${numShrinks} times; + is rushed):`,
    ...commands.map((command) => `  ${command}`),
    '',
    `replay: npm run test:deep -- --seed=${seed} --path=${counterexamplePath} --commands='${replayPath}'`,
  ].join('\n')
}
