import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'greenroom'

/** Each user has a folder: working directory, HOME, settings and transcripts. In earnest it is one that stays. */
export const root = join(tmpdir(), `greenroom-claude-code-${process.pid}`)

export const driver = {
  use: 'claude-code' as const,
  folders: { root },
  // No variable of ours is passed on unless it is named.
  inheritEnv: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'],
  env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' },
  appendSystemPrompt: 'You are chatting. Answer in a sentence or two, and use no tools.',
}

export default defineConfig({
  driver,
  // Two processes for any number of conversations: who is not talking is parked.
  size: { max: 2, spare: 0 },
  timeouts: { acquire: '60s', idle: '10m', silence: '2m' },
})
