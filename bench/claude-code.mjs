// The time from a caller's request to the first event of the turn, and to the first word, on Claude Code with a stand-in for the model: on a
// process that is started for the caller, on a spare, and on an open conversation. It asserts nothing. npm run bench:claude-code
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPool } from 'greenroom'
import { fetchClaudeCode, VERSION } from '../scripts/fetch-claude-code.mjs'
import { startMessagesApi } from '../test/fixtures/messages-api.mjs'

const ROUNDS = 10

const command = await fetchClaudeCode()
const root = mkdtempSync(join(tmpdir(), 'greenroom-bench-claude-'))
const api = await startMessagesApi()
const env = { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: 'none', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
const driver = { use: /** @type {const} */ ('claude-code'), command, env, folders: { root } }
const pool = await createPool({ driver, size: { max: 2, spare: 0 }, health: false, timeouts: { acquire: '60s', start: '60s' } })

/** @type {Record<string, { first: number[], word: number[] }>} */
const figures = { 'started for the caller': { first: [], word: [] }, 'a spare': { first: [], word: [] }, 'an open conversation': { first: [], word: [] } }

try {
  await turn('warm-up', undefined)
  for (let n = 0; n < ROUNDS; n++) {
    await end()
    await turn(`cold-${n}`, 'started for the caller')
    await end()
    await pool.warm(1, { tenant: `spare-${n}` })
    await turn(`spare-${n}`, 'a spare')
    await turn(`spare-${n}`, 'an open conversation')
  }
} finally {
  await pool.close({ grace: 0 })
  await api.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}

console.log(`Claude Code ${VERSION}, ${ROUNDS} rounds; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}\n`)
console.log('| the session is | first event, p50 / worst | first word, p50 / worst |\n|---|---:|---:|')
for (const [name, { first, word }] of Object.entries(figures)) console.log(`| ${name} | ${pair(first)} ms | ${pair(word)} ms |`)

/** @param {string} tenant @param {string | undefined} figure */
async function turn(tenant, figure) {
  const began = performance.now()
  let first = 0
  let word = 0
  await pool.use({ tenant, key: 'chat' }, async (lease) => {
    const messages = /** @type {AsyncIterable<{ type: string, event?: { type: string } }>} */ (lease.stream({ prompt: 'say one two three' }))
    for await (const { event } of messages) {
      first ||= performance.now() - began
      if (event?.type === 'content_block_delta') word ||= performance.now() - began
    }
  })
  if (figure === undefined) return
  figures[figure]?.first.push(first)
  figures[figure]?.word.push(word)
}

/** Ends every session, so that the next one is started on a quiet machine. */
async function end() {
  await pool.closeWhere(() => true)
}

/** @param {number[]} values */
function pair(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return `${sorted[Math.floor(sorted.length / 2)]?.toFixed(0)} / ${sorted.at(-1)?.toFixed(0)}`
}
