import { realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Lease, PoolConfig } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { isAlive, openPool, until, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const resolve = createRequire(import.meta.url).resolve
const FILES = resolve('@modelcontextprotocol/server-filesystem/dist/index.js')
const FIXTURE = fileURLToPath(new URL('../fixtures/mcp-server.mjs', import.meta.url))

interface ToolResult {
  content: { text: string }[]
  isError?: boolean
}

function openServers(args: string[], options: object = {}, config: Partial<PoolConfig> = {}): Promise<RealPool> {
  const driver = { use: 'mcp' as const, command: process.execPath, args, ...options }
  return openPool({ size: { max: 3, spare: 0 }, timeouts: { start: '60s', acquire: '60s' }, ...config, driver })
}

/** What a tool says; what it refuses begins with "refused: ". */
async function call(lease: Pick<Lease, 'request'>, tool: string, given: object = {}): Promise<string> {
  const { content, isError } = await lease.request<ToolResult>({ tool, arguments: given })
  return (isError ? 'refused: ' : '') + content.map(({ text }) => text).join('')
}

describe('the filesystem server in a pool', () => {
  it('learns the folder of its tenant when it is claimed, from a handler for its roots', async () => {
    const folders: Record<string, string> = { a: await realpath(await tempFolder()), b: await realpath(await tempFolder()) }
    const { pool, endings } = await openServers([FILES], { capabilities: { roots: true } }, { size: { min: 1, max: 3, spare: 1 } })
    await pool.ready()
    const acquire = async (tenant: string): Promise<Lease> => {
      const handlers = { 'roots/list': () => ({ roots: [{ uri: pathToFileURL(folders[tenant]!).href }] }) }
      const lease = await pool.acquire({ tenant, key: 'files', handlers })
      await lease.request({ notify: 'notifications/roots/list_changed' })
      await until(async () => (await call(lease, 'list_allowed_directories')).includes(folders[tenant]!))
      return lease
    }
    const a = await acquire('a')
    expect(a.served).toBe('spare')
    const secret = join(folders['a']!, 'secret.txt')
    expect(await call(a, 'write_file', { path: secret, content: 'swordfish' })).toContain('Successfully')
    expect(await call(a, 'read_text_file', { path: secret })).toBe('swordfish')
    a.release()

    const b = await acquire('b')
    const seen = [await call(b, 'read_text_file', { path: secret }), await call(b, 'list_directory', { path: folders['a'] })]
    seen.push(await call(b, 'directory_tree', { path: folders['b'] }), await call(b, 'search_files', { path: folders['b'], pattern: '*' }))
    expect(seen.slice(0, 2)).toEqual([expect.stringMatching(/^refused: /), expect.stringMatching(/^refused: /)])
    expect(seen.join('')).not.toContain('swordfish')
    b.release()
    expect(endings.size).toBe(0)
  })

  it('gets the folder of its tenant from its start where the pool keeps one for each', async () => {
    const root = await tempFolder()
    const { pool, pids } = await openServers([FILES, '.'], { folders: { root } })
    const write = (tenant: string): Promise<string> => pool.use({ tenant, key: 'k' }, (lease) => call(lease, 'write_file', { path: 'mine.txt', content: `of ${tenant}` }))
    const list = (tenant: string): Promise<string> => pool.use({ tenant, key: 'k' }, (lease) => call(lease, 'list_allowed_directories'))
    const read = async (tenant: string, folderOf: string): Promise<string> => {
      const folder = (await list(folderOf)).split('\n').at(-1)!
      return pool.use({ tenant, key: 'k' }, (lease) => call(lease, 'read_text_file', { path: join(folder, 'mine.txt') }))
    }
    for (const tenant of ['a', 'b']) expect(await write(tenant)).toContain('Successfully')
    expect(await read('a', 'a')).toBe('of a')
    expect(await read('b', 'b')).toBe('of b')
    expect(await read('b', 'a')).toMatch(/^refused: /)
    await pool.close()
    expect([...pids].filter(isAlive)).toEqual([])
  })
})

describe('MCP servers in a pool', () => {
  it('are ended when a request was given up: they need not answer it, and nothing else proves that they have stopped', async () => {
    const { pool, endings } = await openServers([FIXTURE], {}, { timeouts: { settle: '50ms', start: '60s', acquire: '60s' } })
    const lease = await pool.acquire({ key: 'k' })
    expect((await greenroomErrorOf(() => lease.request({ tool: 'held' }, { timeout: 20 }))).code).toBe('REQUEST_TIMEOUT')
    lease.release()
    await until(() => endings.size === 1)
    expect([...endings.values()]).toEqual(['unsettled'])
    expect(await pool.use({ key: 'k' }, (next) => next.request({ list: 'prompts' }))).toEqual({ prompts: [] })
  })

  it('ask their lease what they want to know, and wait for it as long as it takes', async () => {
    const { pool } = await openServers([FIXTURE], { capabilities: { elicitation: true, sampling: true } }, { timeouts: { silence: '200ms', start: '60s', acquire: '60s' } })
    const ask = (method: string): object => ({ method: 'ask', params: { method } })
    const lease = await pool.acquire({ key: 'k' })
    lease.handle('elicitation/create', () => new Promise((resolve) => setTimeout(resolve, 700, { action: 'accept', content: { name: 'Ada' } })))
    expect(await lease.request(ask('elicitation/create'))).toEqual({ result: { action: 'accept', content: { name: 'Ada' } } })
    expect(await lease.request(ask('sampling/createMessage'))).toMatchObject({ error: { code: -1 } })
    lease.release()
    expect(await pool.request(ask('elicitation/create'), { key: 'k' })).toEqual({ result: { action: 'decline' } })
  })
})
