import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin } from 'greenroom/kit'

/**
 * The memory server keeps its graph in a file, and every server without MEMORY_FILE_PATH shares the same one: separate processes
 * alone would not keep tenants apart. So each session gets a file of its own, which goes when the session goes.
 */
export const memoryFile = definePlugin({
  name: 'memory-file',
  async apply(kernel) {
    const folder = await mkdtemp(join(tmpdir(), 'greenroom-memory-'))
    const fileOf = (sessionId: string): string => join(folder, `${sessionId}.jsonl`)

    kernel.hooks.spawn.tap('memory-file', (spec, { sessionId }) => ({
      ...spec,
      env: { ...spec.env, MEMORY_FILE_PATH: fileOf(sessionId) },
    }))
    kernel.hooks.state.tap('memory-file', (session, _from, to) => {
      if (to === 'gone') rmSync(fileOf(session.id), { force: true })
    })
    kernel.onClose(() => rm(folder, { recursive: true, force: true }))
  },
})
