import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import mcp from '../../../plugins/drivers/mcp.ts'
import { isGreenroomError, type GreenroomError } from '../../../src/kit.ts'
import { makeDriver, openDriver, type OpenDriver } from '../../support/driver-harness.ts'

const SERVER = fileURLToPath(new URL('../../fixtures/mcp-server.mjs', import.meta.url))
const MEMORY_SERVER = fileURLToPath(new URL('../../../node_modules/@modelcontextprotocol/server-memory/dist/index.js', import.meta.url))
const PACKAGE = fileURLToPath(new URL('../../../package.json', import.meta.url))

interface Seen {
  method: string
  params?: { _meta?: unknown; clientInfo?: unknown; protocolVersion?: string; capabilities?: unknown; requestId?: unknown; reason?: string }
  id?: number
}

function open(options: object = {}, ...args: string[]): Promise<OpenDriver> {
  return openDriver(mcp, { command: process.execPath, args: [SERVER, ...args], ...options })
}

function openMemory(folder: string): Promise<OpenDriver> {
  return openDriver(mcp, { command: process.execPath, args: [MEMORY_SERVER], env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } })
}

async function seenBy(session: OpenDriver): Promise<Seen[]> {
  return (await session.request({ method: 'seen' })) as Seen[]
}

async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<GreenroomError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (isGreenroomError(error)) return error
    throw error
  }
  throw new Error('It did not fail')
}

const never = new AbortController().signal

describe('mcp with the memory server', () => {
  it('calls tools, keeps their state, answers pings and ends at the end of its input', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'greenroom-'))
    try {
      const session = await openMemory(folder)
      const { tools } = (await session.request({ list: 'tools' })) as { tools: { name: string }[] }
      expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['create_entities', 'read_graph']))

      const entities = [{ name: 'Ada', entityType: 'person', observations: ['wrote the first program'] }]
      await session.request({ tool: 'create_entities', arguments: { entities } })
      const graph = (await session.request({ tool: 'read_graph' })) as { content: { text: string }[] }
      expect(JSON.parse(graph.content[0]!.text)).toEqual({ entities, relations: [] })

      await session.channel.ping?.(never)
      expect([session.unsolicited, session.broken]).toEqual([[], []])
      session.child.stdin.end()
      expect(await session.child.exited).toEqual({ code: 0, signal: null })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('gives what the server refuses as a failure of the turn alone, and what a tool refuses as its result', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'greenroom-'))
    try {
      await using session = await openMemory(folder)
      expect((await errorOf(session.request({ method: 'no/such/method' }))).details).toMatchObject({ code: -32601 })
      const observations = [{ entityName: 'Nobody', contents: ['x'] }]
      expect(await session.request({ tool: 'add_observations', arguments: { observations } })).toMatchObject({ isError: true })
      await session.channel.ping?.(never)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the start of an mcp session', () => {
  it('says who it is, in which version, and that it is ready', async () => {
    await using session = await open()
    const [initialize, initialized] = await seenBy(session)
    const { version } = JSON.parse(await readFile(PACKAGE, 'utf8')) as { version: string }
    expect(initialize).toMatchObject({ method: 'initialize', params: { capabilities: {}, clientInfo: { name: 'greenroom', version } } })
    expect(initialize?.params?.protocolVersion).toMatch(/^\d{4}-\d\d-\d\d$/)
    expect(initialized).toEqual({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expect(session.unsolicited).toEqual([])
  })

  it('gives another name when told to', async () => {
    await using session = await open({ clientInfo: { name: 'mine', version: '7' } })
    expect((await seenBy(session))[0]?.params?.clientInfo).toEqual({ name: 'mine', version: '7' })
  })

  it('takes an older version that the server prefers', async () => {
    await using session = await open({}, '2024-11-05')
    await session.channel.ping?.(never)
  })

  it('fails when the server wants a version nobody knows', async () => {
    const error = await errorOf(open({}, '1999-01-01'))
    expect(error.code).toBe('START_FAILED')
    expect(error.message).toMatch(/"1999-01-01".*2025-06-18/)
  })

  it('fails with what the server said when it refuses', async () => {
    const error = await errorOf(open({}, 'refuse'))
    expect([error.code, error.details]).toEqual(['START_FAILED', { code: -32602, message: 'Unsupported protocol version' }])
  })

  it('takes nothing but what it knows in its options', async () => {
    await expect(makeDriver(mcp, { command: 'x', framing: 'ndjson' })).rejects.toThrow('framing')
    await expect(makeDriver(mcp, { command: 'x', clientInfo: { name: 'a' } })).rejects.toThrow('version')
    expect((await makeDriver(mcp, { command: 'x', concurrency: 8 })).capabilities).toEqual({ concurrency: 8 })
  })
})

describe('a turn of mcp', () => {
  it('has short forms for calls and lists', async () => {
    await using session = await open()
    expect(await session.request({ list: 'tools' })).toEqual(await session.request({ method: 'tools/list' }))
    expect(await session.request({ list: 'prompts' })).toEqual({ prompts: [] })
    await session.request({ tool: 'count', arguments: { to: 3 } })
    const call = (await seenBy(session)).find(({ method }) => method === 'tools/call')
    expect(call?.params).toMatchObject({ name: 'count', arguments: { to: 3 } })
  })

  it('may be a notification', async () => {
    await using session = await open()
    expect(await session.request({ notify: 'notifications/roots/list_changed' })).toBeUndefined()
    expect((await seenBy(session)).map(({ method }) => method)).toContain('notifications/roots/list_changed')
  })

  it('ends with a result also when the tool reports an error', async () => {
    await using session = await open()
    expect(await session.request({ tool: 'broken' })).toMatchObject({ isError: true })
  })

  it('fails when the server answers with an error', async () => {
    await using session = await open()
    const error = await errorOf(session.request({ tool: 'missing' }))
    expect([error.code, error.details]).toEqual(['REQUEST_FAILED', { code: -32602, message: 'Unknown tool missing' }])
  })

  it('gets its own progress, and none after its end', async () => {
    await using session = await open()
    const turn = session.turn({ tool: 'count' })
    await turn.result
    await session.until(() => session.unsolicited.length > 0)
    const params = (progress: number): object => ({ progressToken: expect.any(Number) as number, progress })
    const report = (progress: number): object => ({ method: 'notifications/progress', params: params(progress) })
    expect(turn.events).toEqual([report(1), report(2)])
    expect(session.unsolicited).toEqual([report(3)])
  })

  it('gets progress under the token its caller chose, also when another caller chose the same', async () => {
    await using session = await open({ concurrency: 2 })
    const params = (n: number): object => ({ name: 'held', arguments: { n }, _meta: { progressToken: 'mine', other: n } })
    const turns = [1, 2].map((n) => session.turn({ method: 'tools/call', params: params(n) }))
    await session.request({ method: 'release' })
    expect(await Promise.all(turns.map(({ result }) => result))).toEqual([{ n: 1 }, { n: 2 }])
    const report = { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } }
    expect(turns.map(({ events }) => events)).toEqual([[report], [report]])
    const metas = (await seenBy(session)).filter(({ method }) => method === 'tools/call').map(({ params }) => params?._meta)
    expect(metas).toEqual([{ progressToken: 1, other: 1 }, { progressToken: 2, other: 2 }])
  })

  it('does not get progress of nobody', async () => {
    await using session = await open()
    const turn = session.turn({ tool: 'strange' })
    await turn.result
    expect(turn.events).toEqual([])
    expect(session.unsolicited).toEqual([{ method: 'notifications/progress', params: { progressToken: 'nobody', progress: 1 } }])
  })

  it('gets log messages while it is the only one', async () => {
    await using session = await open()
    const log = { method: 'notifications/message', params: { level: 'info', data: 'x' } }
    const turn = session.turn({ method: 'say', params: log })
    await turn.result
    expect(turn.events).toEqual([log])
  })

  it('tells the server when it is cancelled, and stays open until an answer proves that it has stopped', async () => {
    await using session = await open()
    const turn = session.turn({ tool: 'held', arguments: { n: 1 } })
    session.channel.cancel?.(turn.sink)
    let over = false
    const end = turn.result.then(() => (over = true))
    // The server is alive and has read the cancellation, which proves nothing about its tool.
    await session.channel.ping?.(never)
    const cancelled = (await seenBy(session)).find(({ method }) => method === 'notifications/cancelled')
    const call = (await seenBy(session)).find(({ method }) => method === 'tools/call')
    expect(cancelled?.params).toEqual({ requestId: call?.id, reason: expect.any(String) })
    expect(over).toBe(false)
    await session.request({ method: 'release' })
    await end
    session.channel.cancel?.(turn.sink)
    expect((await seenBy(session)).filter(({ method }) => method === 'notifications/cancelled')).toHaveLength(1)
  })

  it('is not made of a message of another form, of which nothing is sent', async () => {
    await using session = await open()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const wrong = [
      undefined, 'text', [], {}, { tool: '' }, { tool: 7 }, { tool: 'a', arguments: [] }, { tool: 'a', arguments: null },
      { tool: 'a', method: 'b' },
      { list: 'all' }, { list: 'tools', params: {} }, { method: 'a', params: [1] }, { method: 'a', params: { _meta: 'x' } },
      { method: 'a', params: { _meta: null } }, { tool: 'a', arguments: cycle },
    ]
    for (const message of wrong) expect((await errorOf(() => session.turn(message))).code).toBe('MESSAGE_INVALID')
    expect((await seenBy(session)).map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized', 'seen'])
  })
})

describe('what an mcp server says unasked', () => {
  it('is no part of a request when it is news of the server itself', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'say', params: { method: 'notifications/resources/updated', params: { uri: 'file:///a' } } })
    await turn.result
    expect([turn.events, session.harmless]).toEqual([[], [{ method: 'notifications/resources/updated', params: { uri: 'file:///a' } }]])
  })

  it.each([
    'notifications/message', 'notifications/tools/list_changed', 'notifications/prompts/list_changed',
    'notifications/resources/list_changed', 'notifications/resources/updated', 'notifications/cancelled',
  ])('is harmless when it is %s', async (method) => {
    await using session = await open()
    await session.request({ notify: 'notifications/say', params: { method } })
    await session.channel.ping?.(never)
    expect(session.unsolicited).toEqual([])
  })

  it('is reported when it is anything else', async () => {
    await using session = await open()
    await session.request({ notify: 'notifications/say', params: { method: 'notifications/other' } })
    await session.until(() => session.unsolicited.length > 0)
    expect(session.unsolicited).toEqual([{ method: 'notifications/other' }])
  })

  it('is answered when it is a ping, and refused when it is another request', async () => {
    await using session = await open()
    expect(await session.request({ method: 'ask', params: { method: 'ping' } })).toEqual({ result: {} })
    const refusal = { error: { code: -32601, message: expect.stringContaining('tasks/list') } }
    expect(await session.request({ method: 'ask', params: { method: 'tasks/list' } })).toEqual(refusal)
  })
})

describe('what an mcp server may ask of its client', () => {
  const capabilitiesOf = async (options: object): Promise<unknown> => {
    await using session = await open(options)
    return (await seenBy(session))[0]?.params?.capabilities
  }

  it('is announced as the options say', async () => {
    expect(await capabilitiesOf({})).toEqual({})
    expect(await capabilitiesOf({ capabilities: { sampling: true, elicitation: { form: {} }, roots: { listChanged: false } } }))
      .toEqual({ sampling: {}, elicitation: { form: {} }, roots: { listChanged: false } })
    expect(await capabilitiesOf({ capabilities: { sampling: { tools: {} }, elicitation: true } })).toEqual({ sampling: { tools: {} }, elicitation: {} })
    expect(await capabilitiesOf({ roots: [{ uri: 'file:///a' }] })).toEqual({ roots: { listChanged: true } })
    await expect(makeDriver(mcp, { command: 'x', capabilities: { tasks: true } })).rejects.toThrow('tasks')
  })

  const ask = (method: string): object => ({ method: 'ask', params: { method } })

  it.each<[string, unknown]>([
    ['roots/list', { result: { roots: [{ uri: 'file:///a', name: 'a' }] } }],
    ['elicitation/create', { result: { action: 'decline' } }],
    ['sampling/createMessage', { error: { code: -1, message: expect.any(String) } }],
    ['no/such', { error: { code: -32601, message: expect.any(String) } }],
  ])('has a default answer: %s', async (method, answer) => {
    await using session = await open({ roots: [{ uri: 'file:///a', name: 'a' }] })
    const turn = session.turn(ask(method))
    expect(await turn.result).toEqual(answer)
    expect(session.questions).toMatchObject([{ method, harmless: method === 'roots/list' }])
    expect(session.questions[0]!.turn).toBe(turn.sink)
  })

  it.each(['roots/list', 'elicitation/create', 'sampling/createMessage', 'no/such'])("is answered by the lease's handler: %s", async (method) => {
    await using session = await openDriver(mcp, { command: process.execPath, args: [SERVER] }, (question) => ({ answered: question.method }))
    expect(await session.request(ask(method))).toEqual({ result: { answered: method } })
  })

  it('is not answered when it is taken back; the handler is told', async () => {
    let answer: ((value: object) => void) | undefined
    await using session = await openDriver(mcp, { command: process.execPath, args: [SERVER] }, () => new Promise((resolve) => (answer = resolve)))
    const turn = session.turn(ask('sampling/createMessage'))
    await session.until(() => answer !== undefined)
    await session.request({ notify: 'notifications/say', params: { method: 'notifications/cancelled', params: { requestId: 'q1' } } })
    await session.until(() => session.questions[0]!.signal!.aborted)
    answer!({ late: true })
    await session.channel.ping?.(never)
    let over = false
    void turn.result.catch(() => undefined).finally(() => (over = true))
    await session.channel.ping?.(never)
    expect([over, session.broken, session.unsolicited]).toEqual([false, [], []])
  })
})

describe('an mcp session', () => {
  it('has no reset and no goodbye', async () => {
    await using session = await open()
    expect([session.channel.reset, session.channel.goodbye]).toEqual([undefined, undefined])
    expect(session.driver.capabilities.resetGuarantees).toBeUndefined()
  })

  it('ends when a line is no message', async () => {
    await using session = await open()
    await session.request({ notify: 'notifications/say', params: { method: 7 } })
    await session.until(() => session.broken.length > 0)
    expect(session.broken[0]).toMatchObject({ code: 'PROTOCOL_ERROR' })
  })
})
