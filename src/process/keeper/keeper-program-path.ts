import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PLACE = 'dist/src/keeper.js'

/** Where the keeper's program is: beside this file in the built package; else in the built package this source belongs to. */
export function keeperProgramPath(): string {
  const beside = fileURLToPath(new URL('../../keeper.js', import.meta.url))
  if (existsSync(beside)) return beside
  const built = join(dirname(createRequire(import.meta.url).resolve('greenroom/package.json')), PLACE)
  if (existsSync(built)) return built
  throw new Error(`its program is missing (${built}): install greenroom anew, or build it`)
}
