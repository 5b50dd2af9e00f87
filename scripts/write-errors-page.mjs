// Writes docs/errors.md from the table in the source.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { errorsPage } from './lib/errors-page.mjs'

const ready = spawnSync(process.execPath, [fileURLToPath(new URL('ensure.mjs', import.meta.url))], { stdio: 'inherit' })
if (ready.status !== 0) process.exit(1)

const { ERROR_CODES } = await import('greenroom/kit')
writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage(ERROR_CODES))
