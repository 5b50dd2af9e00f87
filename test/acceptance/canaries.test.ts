import { createRequire } from 'node:module'
import type { Lease, PoolConfig } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { isAlive, markOf, openPool, pidOf, processesMarked, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Keeps what it is told in variables and in its environment, runs commands, and can be parked. */
const PYTHON = `
import json, os, subprocess, sys
kept = []
print(json.dumps({'ready': True}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if 'keep' in message:
        kept.append(message['keep'])
        os.environ['KEPT'] = message['keep']
    if 'token' in message: kept = json.loads(message['token'])
    out = subprocess.run(['sh', '-c', message['run']], capture_output=True, text=True).stdout if 'run' in message else ''
    print(json.dumps({'kept': kept, 'out': out, 'token': json.dumps(kept)}), flush=True)
`
const MEMORY_SERVER = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/dist/index.js')
/** The memory server keeps its graph where its variable says; here, in the folder it is started in. */
const inItsFolder = { command: 'sh', args: ['-c', 'MEMORY_FILE_PATH="$PWD/memory.jsonl" exec "$0" "$1"', process.execPath, MEMORY_SERVER] }

/** A program behind a driver, and all the ways to leave a secret in it and to come by one. */
interface Program {
  readonly driver: Extract<PoolConfig['driver'], { use: 'json-lines' | 'json-rpc' | 'mcp' }>
  plant(secret: string): unknown[]
  readonly look: readonly unknown[]
}

const entity = (secret: string): object => ({ name: secret, entityType: secret, observations: [secret] })
const rpc = (name: string, args: object): object => ({ method: 'tools/call', params: { name, arguments: args } })
const tool = (name: string, args: object): object => ({ tool: name, arguments: args })
const remember = (call: typeof rpc) => (secret: string): unknown[] => [
  call('create_entities', { entities: [entity(secret), entity('plain')] }),
  call('create_relations', { relations: [{ from: secret, to: 'plain', relationType: secret }] }),
  call('add_observations', { observations: [{ entityName: 'plain', contents: [secret] }] }),
]
const recall = (call: typeof rpc): unknown[] => [
  call('read_graph', {}), call('search_nodes', { query: '' }), call('search_nodes', { query: 's' }), call('open_nodes', { names: ['plain'] }),
]

const programs: Readonly<Record<string, Program>> = {
  'json-lines, on a program that runs commands': {
    driver: {
      use: 'json-lines', command: 'python3', args: ['-c', PYTHON], ready: { match: { ready: true } },
      park: { send: {}, field: 'token' }, resume: { send: {}, field: 'token' },
    },
    plant: (secret) => [
      { keep: secret },
      { run: `for place in . "$HOME" "$TMPDIR"; do echo ${secret} > "$place/planted"; done; SECRET=${secret} sleep 1000 > /dev/null 2>&1 &` },
    ],
    look: [{}, { run: 'env; pwd; ls -laR . "$HOME" "$TMPDIR"; cat ./* "$HOME"/* "$TMPDIR"/*; cat /proc/$PPID/environ /proc/$PPID/cmdline; ps -o args= --ppid $PPID' }],
  },
  'json-rpc, on the memory server': {
    driver: {
      use: 'json-rpc', ...inItsFolder, framing: 'ndjson', initialized: { method: 'notifications/initialized' },
      initialize: { method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } } },
    },
    plant: remember(rpc),
    look: [...recall(rpc), { method: 'tools/list', params: {} }],
  },
  'mcp, on the memory server': {
    driver: { use: 'mcp', ...inItsFolder },
    plant: remember(tool),
    look: [...recall(tool), { list: 'tools' }],
  },
}

async function open({ driver }: Program, config: Partial<PoolConfig> = {}): Promise<RealPool> {
  const folders = { root: await tempFolder(), cwd: 'work', env: { HOME: 'home', TMPDIR: 'tmp' } }
  return openPool({ size: { max: 3, spare: 0 }, ...config, driver: { ...driver, folders } })
}

describe.each(Object.entries(programs))('a session of %s', (_name, program) => {
  const SECRET = 'swordfish4711'
  const sees = async (lease: Lease): Promise<string> => {
    const seen: unknown[] = []
    for (const message of program.look) seen.push(await lease.request(message))
    return JSON.stringify(seen)
  }

  it('starts warm, keeps its state, shows another tenant nothing of it, and leaves nothing behind', async () => {
    const { pool, pids } = await open(program)
    expect(await pool.warm(1, { tenant: 'a' })).toBe(1)
    const first = await pool.acquire({ tenant: 'a', key: 'k' })
    expect(first.served).toBe('spare')
    const mark = markOf(pidOf(pool, first))!
    for (const message of program.plant(SECRET)) await first.request(message)
    first.release()
    const again = await pool.acquire({ tenant: 'a', key: 'k' })
    expect([again.served, await sees(again)]).toEqual(['same-key', expect.stringContaining(SECRET)])
    again.release()
    // Beside it, and in its place: only three fit.
    for (const key of ['k', 'other', undefined]) {
      await using lease = await pool.acquire({ tenant: 'b', ...(key !== undefined && { key }) })
      expect(await sees(lease)).not.toContain(SECRET)
    }
    expect(pids.size).toBe(4)
    await pool.close()
    expect([[...pids].filter(isAlive), processesMarked(new Set([mark]))]).toEqual([[], []])
  })

  it('fails its request at once when it crashes, and within the silence time-out when it hangs; the next one works', async () => {
    const { pool, endings } = await open(program, { timeouts: { silence: '400ms' } })
    for (const [signal, code] of [['SIGKILL', 'SESSION_CRASHED'], [undefined, 'SESSION_SILENT']] as const) {
      const lease = await pool.acquire({ key: 'k' })
      const pid = pidOf(pool, lease)
      process.kill(pid, 'SIGSTOP')
      const failure = greenroomErrorOf(() => lease.request(program.look[0]))
      if (signal) process.kill(pid, signal)
      expect((await failure).code).toBe(code)
    }
    expect(await pool.request(program.look[0], { key: 'k' })).toBeTypeOf('object')
    expect([...endings.values()]).toEqual(['crashed', 'silent'])
  })
})
