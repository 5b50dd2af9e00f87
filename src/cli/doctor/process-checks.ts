import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../../contracts/index.ts'
import { stateFolder } from '../../process/register/state-folder.ts'
import type { ProcessTable } from '../../process/tree/process-table.ts'
import { note, ok, type Check } from './check.ts'

/** Whether all descendants of a session can be found, also those that left its process group. */
export async function checkTrees(table: ProcessTable): Promise<Check> {
  const limits = table.limitations().join('; ')
  const advice = 'run sessions in containers or cgroups of their own where that matters'
  try {
    const snapshot = await table.look()
    const readable = snapshot.get(process.pid) !== undefined && table.identify(process.pid) !== undefined
    if (readable) return ok('process trees', `descendants are found wherever they go; but ${limits}`)
    return note('process trees', limits, advice)
  } catch (problem) {
    return note('process trees', messageOf(problem), 'without a list of processes only the process group of a session is ended with it')
  }
}

/** Whether live sessions can be put on record, so that a start after a crash ends what was left behind. */
export function checkStateFolder(configured: unknown, env: NodeJS.ProcessEnv): Check {
  const name = 'state folder'
  const folder = stateFolder(configured === false || typeof configured === 'string' ? configured : undefined, env)
  const lost = 'were the host killed, the next start would not end what it leaves behind'
  if (folder === undefined) return note(name, `none: ${lost}`, 'leave stateDir out of the config, or name a folder')
  // It, or the nearest folder above that is there.
  let existing = folder
  while (!existsSync(existing)) existing = dirname(existing)
  try {
    if (!statSync(existing).isDirectory()) throw new Error(`${existing} is no folder`)
    accessSync(existing, constants.W_OK)
    return ok(name, folder)
  } catch (problem) {
    return note(name, `${folder} can't be written (${messageOf(problem)}): ${lost}`, 'set stateDir, or GREENROOM_STATE_DIR, to a folder that can')
  }
}
