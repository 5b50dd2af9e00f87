import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from 'greenroom/kit'
import { afterAll } from 'vitest'
import { fetchClaudeCode } from '../../scripts/fetch-claude-code.mjs'
import { startMessagesApi, type MessagesApi } from '../fixtures/messages-api.mjs'

export interface ClaudeWorld {
  readonly api: MessagesApi
  /** For the driver claude-code: the real program, which reaches nothing but the server, and keeps nothing outside the folder. */
  readonly options: { readonly command: string; readonly env: Record<string, string>; readonly folders: { readonly root: string } }
}

/**
 * The real Claude Code, fetched where it is not there, and a server in place of the model. Where it can't be fetched its command says why, so
 * that all that starts it fails with that.
 */
export async function claudeWorld(): Promise<ClaudeWorld> {
  const command = await fetchClaudeCode().catch((error: unknown) => messageOf(error))
  const root = await mkdtemp(join(tmpdir(), 'greenroom-claude-'))
  const api = await startMessagesApi()
  afterAll(async () => {
    await api.close()
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  })
  const env = { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: 'no-key', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
  return { api, options: { command, env, folders: { root } } }
}
