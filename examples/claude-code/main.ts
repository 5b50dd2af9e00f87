// A chat server: many users, two processes. With ANTHROPIC_API_KEY it talks to the model; without one, to a stand-in on this machine.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createPool } from 'greenroom'
import { chatServer } from './chat-server.ts'
import config, { driver, root } from './greenroom.config.ts'
import { startModel } from './model.mjs'

/** In your own program it is 'claude', which the driver takes by default. Here: the version that greenroom is tested with. */
const command = execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/fetch-claude-code.mjs', import.meta.url))], { encoding: 'utf8' }).trim()

const model = process.env['ANTHROPIC_API_KEY'] ? undefined : await startModel()
if (model) Object.assign(process.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'none' })

const pool = await createPool({ ...config, driver: { ...driver, command } })
const server = chatServer(pool).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** What a user's browser would do. */
async function say(path: string, text: string): Promise<void> {
  const started = performance.now()
  const response = await fetch(`${url}/${path}`, { method: 'POST', body: text })
  const answer = await response.text()
  const ms = `${Math.round(performance.now() - started)} ms`
  console.log(`${path.padEnd(11)} ${(response.headers.get('x-served') ?? String(response.status)).padEnd(8)} ${ms.padStart(7)}  ${text.padEnd(24)} → ${answer}`)
}

try {
  await Promise.all([say('ada/boat', 'We build a boat.'), say('bob/garden', 'The roses need water.')])
  await say('ada/boat', 'What did I say?')
  await say('cy/plan', 'What do you know?')
  await say('bob/garden', 'What did I say?')

  const { size, parked } = pool.getPoolStats()
  console.log(`\n${size} processes for 3 conversations, ${parked} of which ${parked === 1 ? 'is' : 'are'} parked`)
} finally {
  server.close()
  await pool.close()
  model?.close()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
}
