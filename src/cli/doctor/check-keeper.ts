import { formatDuration, messageOf, type Clock } from '../../contracts/index.ts'
import { holdKeeper } from '../../process/keeper/host-keeper.ts'
import { WITHOUT_KEEPER } from '../../process/keeper/keeper.ts'
import { note, ok, type Check } from './check.ts'

/** Whether the keeper works here: by starting one for real, unless the config does without. */
export async function checkKeeper(wanted: boolean | undefined, clock: Clock): Promise<Check> {
  if (wanted === false) return note('keeper', 'switched off by the config', `without it ${WITHOUT_KEEPER}`)
  const startedAt = clock.now()
  try {
    const hold = await holdKeeper(clock, () => undefined)
    const tookMs = clock.now() - startedAt
    await hold.release()
    return ok('keeper', `works, ready after ${formatDuration(tookMs)}: starts don't hold up the host, and nothing is left when it is killed`)
  } catch (problem) {
    return note('keeper', `can't be used: ${messageOf(problem)}`, `without it ${WITHOUT_KEEPER}`)
  }
}
