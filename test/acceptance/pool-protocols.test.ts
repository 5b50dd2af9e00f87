import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { definePlugin } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const RPC_SERVER = fileURLToPath(new URL('../fixtures/rpc-server.mjs', import.meta.url))
const MEMORY_SERVER = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/dist/index.js')

interface ToolResult {
  content: { type: string; text: string }[]
}

describe('JSON-RPC servers in a pool', () => {
  it.each(['ndjson', 'content-length'] as const)('keep two tenants in two processes, by %s', async (framing) => {
    const { pool, pids } = await openPool({
      driver: {
        use: 'json-rpc', command: process.execPath, args: [RPC_SERVER, framing], framing,
        initialize: { method: 'initialize', params: { who: 'a test' } }, ping: { method: 'echo' },
        goodbye: { request: { method: 'shutdown' }, notification: { method: 'exit' } },
      },
      size: { max: 4, spare: 0 }, health: { every: '50ms' },
    })
    const call = (tenant: string, method: string, params: object = {}) => pool.request({ method, params }, { tenant, key: 'k' })
    expect(await call('a', 'echo', { secret: 'of a' })).toEqual({ secret: 'of a' })
    const seenBy = async (tenant: string): Promise<string> => JSON.stringify(await call(tenant, 'seen'))
    expect(await seenBy('b')).not.toContain('of a')
    expect(await seenBy('a')).toContain('of a')
    expect(pids.size).toBe(2)
    const error = await greenroomErrorOf(() => call('a', 'fail'))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', details: { code: -32001, data: { why: 'a test' } } })
    expect(await call('a', 'echo', { still: 'here' })).toEqual({ still: 'here' })
    expect(pool.getPoolStats()).toMatchObject({ size: 2, crashes: 0 })
  })
})

describe('MCP servers in a pool', () => {
  it('keep the memory of two tenants apart, in two processes, and are gone afterwards', async () => {
    const folder = await tempFolder()
    // Each its own file: the server keeps its graph in one, and by default in the same.
    const ownFile = definePlugin({
      name: 'own-file',
      apply({ hooks }) {
        hooks.spawn.tap('own-file', (spec, { sessionId }) => {
          return { ...spec, env: { ...spec.env, MEMORY_FILE_PATH: join(folder, `${sessionId}.jsonl`) } }
        })
      },
    })
    const { pool, pids } = await openPool({
      driver: { use: 'mcp', command: process.execPath, args: [MEMORY_SERVER] },
      size: { max: 3, spare: 0 }, plugins: [ownFile], timeouts: { start: '60s', acquire: '60s' },
    })
    const callTool = async (tenant: string, tool: string, args: object): Promise<string> => {
      const { content } = await pool.request<ToolResult>({ tool, arguments: args }, { tenant, key: 'memory' })
      return content.map(({ text }) => text).join('')
    }
    const entities = [{ name: 'launch date', entityType: 'secret', observations: ['1 May'] }]
    const [tools] = await Promise.all([
      pool.request<{ tools: { name: string }[] }>({ list: 'tools' }, { tenant: 'globex', key: 'memory' }),
      callTool('acme', 'create_entities', { entities }),
    ])
    expect(tools.tools.map(({ name }) => name)).toContain('read_graph')
    expect(JSON.parse(await callTool('globex', 'read_graph', {}))).toEqual({ entities: [], relations: [] })
    expect(JSON.parse(await callTool('acme', 'read_graph', {}))).toMatchObject({ entities: [{ name: 'launch date' }] })
    expect(pids.size).toBe(2)
    const error = await greenroomErrorOf(() => pool.request({ method: 'no/such' }, { tenant: 'acme', key: 'memory' }))
    expect(error.code).toBe('REQUEST_FAILED')
    await pool.close()
    expect([...pids].filter(isAlive)).toEqual([])
  }, 60_000)
})

describe('programs that speak lines of JSON', () => {
  const LINES = fileURLToPath(new URL('../fixtures/lines.mjs', import.meta.url))

  it('share one session of a key between as many callers as they can serve at once', async () => {
    const { pool } = await openPool({
      driver: { use: 'json-lines', command: process.execPath, args: [LINES], id: 'id', concurrency: 4, terminal: { type: 'result' } },
      size: { max: 4, spare: 0 },
    })
    const leases = await Promise.all([1, 2, 3, 4].map(() => pool.acquire({ key: 'shared' })))
    expect(new Set(leases.map(({ sessionId }) => sessionId)).size).toBe(1)
    let fifth = false
    const waiting = pool.acquire({ key: 'shared' }).then((lease) => {
      fifth = true
      return lease
    })
    // The last asked answers first.
    const answers = await Promise.all(leases.map((lease, n) => lease.request({ do: 'later', ms: 120 - n * 40, value: n })))
    expect(answers).toMatchObject([{ value: 0 }, { value: 1 }, { value: 2 }, { value: 3 }])
    expect(fifth).toBe(false)
    leases[0]!.release()
    const last = await waiting
    expect(last.served).toBe('same-key')
    for (const lease of [last, ...leases]) lease.release()
    expect(pool.getPoolStats()).toMatchObject({ started: 1, activeSessions: 0 })
  })

  it('are parked when their room is needed, and resumed in a fresh process with their state', async () => {
    const { pool, endings } = await openPool({
      driver: {
        use: 'json-lines', command: process.execPath, args: [LINES], terminal: { type: 'result' },
        park: { send: { do: 'save' }, field: 'token' }, resume: { send: { do: 'load' }, field: 'token', expect: { type: 'loaded' } },
      },
      size: { max: 1, spare: 0 },
    })
    const remember = (tenant: string, value: string) => pool.request({ do: 'remember', value }, { tenant, key: 'k' })
    await remember('a', 'of a')
    await remember('b', 'of b')
    expect(pool.getPoolStats()).toMatchObject({ size: 1, parked: 1 })
    expect(await pool.request({ do: 'recall' }, { tenant: 'a', key: 'k' })).toMatchObject({ value: 'of a' })
    expect(await pool.request({ do: 'recall' }, { tenant: 'b', key: 'k' })).toMatchObject({ value: 'of b' })
    expect(await pool.request({ do: 'recall' }, { tenant: 'b', key: 'other' })).toMatchObject({ value: '' })
    await until(() => endings.size === 4)
    expect(new Set(endings.values())).toEqual(new Set(['parked']))
  })

  it('that fail a health check in their own protocol are replaced', async () => {
    const { pool, pids } = await openPool({
      driver: { use: 'json-lines', command: process.execPath, args: [LINES], ping: { send: { do: 'silent' } } },
      size: { min: 1, max: 2, spare: 0 }, health: { every: '50ms', timeout: '50ms', failures: 2 },
    })
    await until(() => pids.size >= 3)
    expect(pool.getPoolStats().crashes).toBe(0)
    expect(pool.decisions().some(({ reason }) => reason.startsWith('unhealthy'))).toBe(true)
  })

  it('see of the host environment only what they are allowed to', async () => {
    process.env['GREENROOM_TEST_SECRET'] = 'hush'
    const program = 'env=$(env | tr "\\n" " " | tr -d "\\"\\\\\\\\"); while read line; do echo "{\\"env\\":\\"$env\\"}"; done'
    const { pool } = await openPool({
      driver: { use: 'json-lines', command: 'sh', args: ['-c', program], env: { MINE: 'yes' }, inheritEnv: ['GREENROOM_TEST_RUN'] },
      size: { max: 1, spare: 0 },
    })
    const lease = await pool.acquire({ key: 'k' })
    const { env } = await lease.request<{ env: string }>({})
    delete process.env['GREENROOM_TEST_SECRET']
    expect(env).toContain('MINE=yes')
    expect(env).toContain('GREENROOM_TEST_RUN=')
    expect(env).toContain('GREENROOM_SESSION=')
    expect(env).not.toContain('hush')
    expect(isAlive(pidOf(pool, lease))).toBe(true)
  })
})
