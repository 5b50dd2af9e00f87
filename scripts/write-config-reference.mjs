// Writes greenroom.config.schema.json and docs/reference/configuration.md from the schemas in the source.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configPage } from './lib/config-page.mjs'

const ready = spawnSync(process.execPath, [fileURLToPath(new URL('ensure.mjs', import.meta.url))], { stdio: 'inherit' })
if (ready.status !== 0) process.exit(1)

const { describeConfig } = await import('../dist/src/describe-config.js')
const schema = await describeConfig()
writeFileSync(new URL('../greenroom.config.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`)
writeFileSync(new URL('../docs/reference/configuration.md', import.meta.url), configPage(schema))
