import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'greenroom'

/** The agent is started for nobody, and told the folder of its tenant when it is claimed. */
export const root = join(tmpdir(), `greenroom-acp-agent-${process.pid}`)

export default defineConfig({
  driver: {
    use: 'acp',
    command: process.execPath,
    args: [fileURLToPath(new URL('agent.mjs', import.meta.url))],
    folders: { root },
  },
  // Two processes for any number of conversations: what is not talked to is parked.
  size: { min: 1, max: 2, spare: 1 },
})
