import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lease, PoolConfig } from 'greenroom'
import type { AcpResult, AcpUpdate } from 'greenroom/plugins/drivers/acp'
import { describe, expect, it } from 'vitest'
import { isAlive, openPool, until, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const AGENT = fileURLToPath(new URL('../fixtures/acp-agent.mjs', import.meta.url))
const LIBRARY_AGENT = fileURLToPath(new URL('../fixtures/acp-sdk-agent.mjs', import.meta.url))

interface Read {
  path: string
}

function openAgents(args: string[], config: Partial<PoolConfig> = {}, options: object = {}): Promise<RealPool> {
  const driver = { use: 'acp' as const, command: process.execPath, args, ...options }
  return openPool({ size: { max: 3, spare: 0 }, timeouts: { start: '60s', acquire: '60s' }, ...config, driver })
}

/** A prompt, and all that came of it. */
async function prompt(lease: Pick<Lease, 'stream'>, text: string): Promise<{ text: string; result: AcpResult; updates: AcpUpdate[] }> {
  const stream = lease.stream<AcpUpdate & AcpResult>({ prompt: text })
  const messages: (AcpUpdate & AcpResult)[] = []
  for await (const message of stream) messages.push(message)
  const result = messages.pop()!
  const words = messages.map(({ content }) => (content as { text?: string } | undefined)?.text ?? '')
  return { text: words.join(''), result, updates: messages }
}

describe('agents made with the official library', () => {
  const ACME = { tenant: 'acme', key: 'chat' }

  it('are warm before they are claimed, and keep a conversation from turn to turn', async () => {
    const { pool } = await openAgents([LIBRARY_AGENT, await tempFolder()], { size: { min: 1, max: 2, spare: 1 } })
    await pool.ready()
    const lease = await pool.acquire(ACME)
    expect(lease.served).toBe('spare')
    expect(await prompt(lease, 'one')).toMatchObject({ text: 'one', result: { stopReason: 'end_turn' } })
    lease.release()
    const again = await pool.acquire(ACME)
    expect(again.served).toBe('same-key')
    expect((await prompt(again, 'two')).text).toBe('one, two')
    again.release()
  })

  it('ask for permissions and files, and take what the handlers answer', async () => {
    const files = new Map([['/notes', 'hello']])
    const { pool } = await openAgents([LIBRARY_AGENT, await tempFolder()], {}, { capabilities: { fs: { readTextFile: true, writeTextFile: true } } })
    const handlers = {
      'session/request_permission': () => ({ outcome: { outcome: 'selected', optionId: 'yes' } }),
      'fs/read_text_file': ({ path }: Read) => ({ content: files.get(path) ?? '' }),
      'fs/write_text_file': ({ path, content }: Read & { content: string }) => void files.set(path, content),
    }
    const allowed = await pool.acquire({ ...ACME, handlers })
    expect(await prompt(allowed, 'edit /notes')).toMatchObject({ result: { stopReason: 'end_turn' } })
    expect(files.get('/notes')).toBe('HELLO')
    allowed.release()
    const denied = await pool.acquire(ACME)
    expect(await prompt(denied, 'edit /notes')).toMatchObject({ text: 'It is not allowed.', result: { stopReason: 'refusal' } })
    denied.release()
  })

  it('stop when the caller leaves, and can be lent again', async () => {
    const { pool, endings } = await openAgents([LIBRARY_AGENT, await tempFolder()])
    const lease = await pool.acquire(ACME)
    for await (const update of lease.stream<AcpUpdate>({ prompt: 'wait' })) {
      expect(update).toMatchObject({ sessionUpdate: 'agent_message_chunk' })
      break
    }
    lease.release()
    const again = await pool.acquire(ACME)
    expect([again.served, again.sessionId]).toEqual(['same-key', lease.sessionId])
    expect((await prompt(again, 'on we go')).text).toBe('wait, on we go')
    again.release()
    expect(endings.size).toBe(0)
  })

  it('find their conversation again in another process, also when they were killed', async () => {
    const { pool, endings } = await openAgents([LIBRARY_AGENT, await tempFolder()], { size: { max: 1, spare: 0 } })
    const say = async (tenant: string, text: string): Promise<string> => pool.use({ tenant, key: 'chat' }, async (lease) => (await prompt(lease, text)).text)
    for (const tenant of ['a', 'b']) await say(tenant, `of ${tenant}`)
    expect(pool.getPoolStats()).toMatchObject({ size: 1, parked: 1 })
    expect(await say('a', 'again')).toBe('of a, again')
    expect(await say('b', 'again')).toBe('of b, again')
    await until(() => endings.size === 3)
    expect(new Set(endings.values())).toEqual(new Set(['parked']))
  })

  it('answer health checks', async () => {
    const { pool, endings } = await openAgents([LIBRARY_AGENT, await tempFolder()], { size: { min: 1, max: 1, spare: 0 }, health: { every: '20ms', timeout: '30s' } })
    await pool.ready()
    let checks = 0
    await until(() => {
      if (pool.getPoolStats().checking > 0) checks++
      return checks > 3
    })
    expect(await pool.use(ACME, async (lease) => (await prompt(lease, 'one')).text)).toBe('one')
    expect(endings.size).toBe(0)
  })
})

describe('agents that misbehave', () => {
  const WHO = { key: 'k' }

  it('fail their prompt at once when they crash, and the next one works', async () => {
    const { pool } = await openAgents([AGENT])
    const lease = await pool.acquire(WHO)
    const error = await greenroomErrorOf(() => lease.request({ prompt: 'crash' }))
    expect(error).toMatchObject({ code: 'SESSION_CRASHED', exit: { code: 3, stderr: expect.stringContaining('the agent has crashed') } })
    expect(await pool.use(WHO, async (next) => (await prompt(next, 'say hello')).text)).toBe('hello')
  })

  it('are ended when they are silent, but not while a tool of theirs runs or they wait for an answer', async () => {
    const { pool, endings } = await openAgents([AGENT], { timeouts: { silence: '300ms', start: '60s', acquire: '60s' } })
    const lease = await pool.acquire({ ...WHO, handlers: {
      'session/request_permission': () => new Promise((resolve) => setTimeout(resolve, 900, { outcome: { outcome: 'cancelled' } })),
    } })
    expect((await prompt(lease, 'quiet 900')).result).toEqual({ stopReason: 'end_turn' })
    expect((await prompt(lease, 'tool')).result).toEqual({ stopReason: 'cancelled' })
    expect((await greenroomErrorOf(() => lease.request({ prompt: 'hang' }))).code).toBe('SESSION_SILENT')
    expect([...endings.values()]).toEqual(['silent'])
  })

  it('are heard by their lease when they go on after a prompt, and ended when nobody holds them', async () => {
    const { pool, endings } = await openAgents([AGENT])
    const lease = await pool.acquire(WHO)
    const heard: unknown[] = []
    lease.onMessage((message) => void heard.push(message))
    for (const kind of ['agent_message_chunk', 'usage_update']) await lease.request({ prompt: `late ${kind}` })
    await until(() => heard.length === 2)
    expect(heard).toMatchObject(['agent_message_chunk', 'usage_update'].map((sessionUpdate) => ({ params: { update: { sessionUpdate } } })))
    expect(endings.size).toBe(0)
    await lease.request({ prompt: 'later 200' })
    lease.release()
    await until(() => endings.size === 1)
    expect([...endings.values()]).toEqual(['contaminated'])
  })

  it('that cannot begin a conversation fail the acquire with what they said', async () => {
    const { pool } = await openAgents([AGENT, 'auth'])
    const error = await greenroomErrorOf(() => pool.acquire(WHO))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', message: expect.stringContaining('authenticate') })
  })

  it('share a process with everybody where sessions are said to hold nothing of their user', async () => {
    const { pool } = await openAgents([AGENT], { isolation: 'none', size: { max: 1, spare: 0 } })
    for (const tenant of ['a', 'b']) expect(await pool.request({ prompt: 'say hello' }, { tenant })).toEqual({ stopReason: 'end_turn' })
    expect(pool.getPoolStats().started).toBe(1)
  })
})

describe('a tenant of an agent', () => {
  const SECRET = 'swordfish-4711'

  it('finds nothing of another, wherever it looks', async () => {
    const [root, store] = [await tempFolder(), await tempFolder()]
    const { pool, pids } = await openAgents([AGENT, `store=${store}`, 'load', 'close'], {}, { folders: { root, cwd: 'work', env: { HOME: 'home' } } })
    const a = await pool.acquire({ tenant: 'a', key: 'chat' })
    await prompt(a, `plant ${SECRET}`)
    expect(await a.request({ method: 'session/set_mode', params: { modeId: SECRET } })).toEqual({})
    expect(JSON.stringify(await prompt(a, 'look'))).toContain(SECRET)
    a.release()

    // Beside it, after it was parked, and with the same key.
    const seen: string[] = []
    for (const key of ['chat', 'other', undefined]) {
      const b = await pool.acquire({ tenant: 'b', ...(key !== undefined && { key }) })
      for (const text of ['look', 'recall', 'where', 'seen']) seen.push(JSON.stringify(await prompt(b, text)))
      for (const method of ['session/load', 'session/list', 'session/resume']) {
        expect((await greenroomErrorOf(() => b.request({ method, params: {} }))).code).toBe('MESSAGE_INVALID')
      }
      b.release()
    }
    expect(seen.filter((text) => text.includes(SECRET))).toEqual([])
    expect(pids.size).toBeGreaterThan(1)
    const planted = readdirSync(root).filter((name) => readdirSync(join(root, name, 'work')).length > 0)
    expect(planted).toEqual([expect.stringMatching(/^a-/)])
    expect(readFileSync(join(root, planted[0]!, 'work', 'planted.txt'), 'utf8')).toBe(SECRET)
    await pool.close()
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it('gets a spare that learns its folder when it is claimed', async () => {
    const root = await tempFolder()
    const { pool } = await openAgents([AGENT], { size: { min: 2, max: 4, spare: 1 } }, { folders: { root } })
    await pool.ready()
    const folders: string[] = []
    for (const tenant of ['a', 'b']) {
      const lease = await pool.acquire({ tenant, key: 'k' })
      expect(lease.served).toBe('spare')
      const { cwd } = JSON.parse((await prompt(lease, 'where')).text) as { cwd: string }
      await writeFile(join(cwd, 'mine.txt'), tenant)
      folders.push(cwd)
      lease.release()
    }
    expect(await Promise.all(folders.map((folder) => readFile(join(folder, 'mine.txt'), 'utf8')))).toEqual(['a', 'b'])
  })
})
