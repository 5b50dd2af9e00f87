import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import acp from '../../../plugins/drivers/acp.ts'
import { isGreenroomError, type Binding, type GreenroomError, type Question } from '../../../src/kit.ts'
import { makeDriver, openDriver, type OpenDriver, type TurnRecord } from '../../support/driver-harness.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const AGENT = fileURLToPath(new URL('../../fixtures/acp-agent.mjs', import.meta.url))

const never = new AbortController().signal
const ACME: Binding = { tenant: 'acme', key: 'chat' }
const TOKEN_OF_NOTHING = '{}'
type Answer = (question: Question) => unknown

/** An agent whose conversation has begun. */
async function open(flags: string[] = [], options: object = {}, answer?: Answer, binding: Binding = ACME): Promise<OpenDriver> {
  const session = await openUnbound(flags, options, answer)
  await session.channel.bind!(binding, never)
  return session
}

function openUnbound(flags: string[] = [], options: object = {}, answer?: Answer): Promise<OpenDriver> {
  return openDriver(acp, { command: process.execPath, args: [AGENT, ...flags], ...options }, answer)
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

/** What the agent has said in a turn. */
function textOf({ events }: TurnRecord): string {
  return (events as { content?: { text: string } }[]).map(({ content }) => content?.text ?? '').join(' ').trim()
}

async function said(session: OpenDriver, prompt: string): Promise<string> {
  const turn = session.turn({ prompt })
  await turn.result
  return textOf(turn)
}

async function told<T>(session: OpenDriver, prompt: string): Promise<T> {
  return JSON.parse(await said(session, prompt)) as T
}

async function methodsSeen(session: OpenDriver): Promise<string[]> {
  return (await told<{ method: string }[]>(session, 'seen')).map(({ method }) => method)
}

describe('the start of an acp session', () => {
  it('says who it is and what it can, before anybody has claimed it', async () => {
    await using session = await open([], { capabilities: { fs: { readTextFile: true } } })
    const [initialize, ...more] = await told<{ method: string; params: object }[]>(session, 'seen')
    expect(initialize).toMatchObject({ method: 'initialize', params: { protocolVersion: 1, clientInfo: { name: 'greenroom' } } })
    expect(initialize!.params).toMatchObject({ clientCapabilities: { fs: { readTextFile: true }, terminal: false } })
    expect(more.map(({ method }) => method)).toEqual(['session/new', 'session/prompt'])
  })

  it('fails with what the agent said when it refuses', async () => {
    expect(await errorOf(openUnbound(['refuse']))).toMatchObject({ code: 'START_FAILED', details: { code: -32602, message: 'not today' } })
  })

  it('fails when the agent wants a version nobody knows', async () => {
    expect(await errorOf(openUnbound(['version=2']))).toMatchObject({ code: 'START_FAILED', message: expect.stringContaining('version 2') })
  })

  it('authenticates where the options say how, and says what to do where they do not', async () => {
    await using session = await open(['auth'], { authenticate: { methodId: 'key' } })
    expect(await said(session, 'say hello')).toBe('hello')
    await using strange = await openUnbound(['auth'])
    const error = await errorOf(strange.channel.bind!(ACME, never))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', details: { code: -32000 }, message: expect.stringContaining('it knows key') })
    expect((await errorOf(openUnbound(['auth'], { authenticate: { methodId: 'other' } }))).code).toBe('START_FAILED')
  })

  it('takes nothing but what it knows in its options', async () => {
    await expect(makeDriver(acp, { command: 'x', concurrency: 2 })).rejects.toThrow('concurrency')
    expect((await makeDriver(acp, { command: 'x', args: ['a'], cwd: '/' })).spawnSpec()).toEqual({ command: 'x', args: ['a'], cwd: '/' })
  })
})

describe('the conversation of an acp session', () => {
  interface Where { cwd: string; mcpServers: unknown[]; processCwd: string; env: Record<string, string>; sessions: number }

  it('begins when it is claimed, in the folder and with the MCP servers of the options', async () => {
    const mcpServers = [{ name: 'memory', command: 'x', args: [], env: [] }]
    await using session = await open([], { mcpServers, cwd: '/tmp' })
    expect(await told<Where>(session, 'where')).toMatchObject({ cwd: '/tmp', mcpServers, sessions: 1 })
  })

  it('is in a folder of its own where the options say so', async () => {
    await using session = await open([], { workspace: '/srv/{tenant}/{key}' })
    expect((await told<Where>(session, 'where')).cwd).toBe('/srv/acme/chat')
    expect((await errorOf(open([], { workspace: '/srv/{key}' }, undefined, { tenant: 'acme', key: '../b' }))).code).toBe('ARGUMENT_INVALID')
  })

  it("is in the tenant's folder, which the process learns only then; variables it must have from its start", async () => {
    const root = await realpath(await tempFolder())
    await using late = await open([], { folders: { root, cwd: 'work' } })
    expect(late.driver.capabilities.bindsAtSpawn).toBeUndefined()
    const where = await told<Where>(late, 'where')
    expect([where.cwd, where.processCwd]).toEqual([expect.stringMatching(/acme-[0-9a-f]+\/work$/), process.cwd()])

    const driver = await makeDriver(acp, { command: 'x', folders: { root, env: { HOME: 'home' } } })
    expect(driver.capabilities.bindsAtSpawn).toBe(true)
    const { cwd, env } = driver.spawnSpec({ tenant: 'acme' })
    expect(env).toEqual({ HOME: join(cwd!, 'home') })
  })

  it('begins with the first prompt where nobody is bound', async () => {
    await using session = await openUnbound()
    expect(await said(session, 'say hello')).toBe('hello')
    expect(await told<string[]>(session, 'recall')).toEqual(['say hello', 'recall'])
    await using refused = await openUnbound(['auth'])
    expect((await errorOf(refused.request({ prompt: 'say hello' }))).details).toMatchObject({ code: -32000 })
  })

  it('is not begun in vain by a prompt that was cancelled before', async () => {
    await using session = await openUnbound()
    const turn = session.turn({ prompt: 'say hello' })
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toEqual({ stopReason: 'cancelled' })
    expect(await told<string[]>(session, 'recall')).toEqual(['recall'])
  })

  it('breaks when the agent begins one without a name', async () => {
    expect((await errorOf(open(['anonymous']))).code).toBe('PROTOCOL_ERROR')
  })
})

describe('a turn of acp', () => {
  it('streams what the agent says and ends with why it stopped', async () => {
    await using session = await open()
    const turn = session.turn({ prompt: 'say one two three' })
    expect(await turn.result).toEqual({ stopReason: 'end_turn' })
    const chunk = (text: string): object => ({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
    expect(turn.events).toEqual(['one', 'two', 'three'].map(chunk))
    expect([session.unsolicited, session.harmless]).toEqual([[], []])
  })

  it('may be content blocks, with _meta, or the method itself', async () => {
    await using session = await open()
    const prompt = [{ type: 'text', text: 'say hello' }, { type: 'resource_link', uri: 'file:///a', name: 'a' }]
    expect(await session.request({ prompt, _meta: { trace: 1 } })).toEqual({ stopReason: 'end_turn' })
    expect(await session.request({ method: 'session/prompt', params: { prompt } })).toEqual({ stopReason: 'end_turn' })
    const prompts = (await told<{ method: string; params: object }[]>(session, 'seen')).filter(({ method }) => method === 'session/prompt')
    expect(prompts[0]!.params).toMatchObject({ prompt, _meta: { trace: 1 }, sessionId: expect.any(String) })
  })

  it('keeps its conversation from one to the next', async () => {
    await using session = await open()
    await session.request({ prompt: 'remember the launch date' })
    expect(await told<string[]>(session, 'recall')).toEqual(['remember the launch date', 'recall'])
  })

  it('may be any other request or notification of the conversation', async () => {
    await using session = await open()
    expect(await session.request({ method: 'session/set_mode', params: { modeId: 'code' } })).toEqual({})
    expect(await session.request({ notify: '_hello' })).toBeUndefined()
    expect(await told<object>(session, 'where')).toMatchObject({ mode: 'code' })
    expect(session.harmless).toMatchObject([{ params: { update: { sessionUpdate: 'current_mode_update' } } }])
  })

  it('fails when the agent answers with an error, and the conversation goes on', async () => {
    await using session = await open()
    expect((await errorOf(session.request({ prompt: 'fail' }))).details).toEqual({ code: -32603, message: 'asked to fail' })
    expect(await said(session, 'say hello')).toBe('hello')
  })

  it('is cancelled by session/cancel, and ends when the agent says so', async () => {
    await using session = await open()
    const turn = session.turn({ prompt: 'work' })
    await session.until(() => turn.events.length > 0)
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toEqual({ stopReason: 'cancelled' })
    expect(await said(session, 'say hello')).toBe('hello')
  })

  it('that is no prompt is cancelled by $/cancel_request', async () => {
    await using session = await open()
    const turn = session.turn({ method: '_wait' })
    session.channel.cancel!(turn.sink)
    expect((await errorOf(turn.result)).details).toMatchObject({ code: -32800 })
  })

  it('answers the permissions it waits for as cancelled when it is', async () => {
    await using session = await open([], {}, () => new Promise(() => undefined))
    const turn = session.turn({ prompt: 'tool' })
    await session.until(() => session.questions.length > 0)
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toEqual({ stopReason: 'cancelled' })
    expect(session.questions[0]!.signal!.aborted).toBe(true)
  })

  it('gets notifications of the agent that are not of the protocol', async () => {
    await using session = await open()
    const turn = session.turn({ prompt: 'notify _custom' })
    await turn.result
    expect(turn.events).toEqual([{ method: '_custom', params: { sessionId: expect.any(String) } }, { method: '_custom/bare' }])
  })

  it('says when a tool works in silence', async () => {
    await using session = await open([], {}, () => ({ outcome: { outcome: 'selected', optionId: 'allow_once' } }))
    const quiet = session.turn({ prompt: 'quiet 1' })
    await quiet.result
    expect(quiet.quiet).toEqual([true, false])
    const asked = session.turn({ prompt: 'tool' })
    await asked.result
    expect([asked.quiet, textOf(asked)]).toEqual([[true, false], 'done'])
    const plain = session.turn({ prompt: 'say x' })
    await plain.result
    expect(plain.quiet).toEqual([])
  })

  it('is not made of a message of another form, nor of what chooses the conversation', async () => {
    await using session = await open()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const wrong = [
      'text', {}, { prompt: '' }, { prompt: [] }, { prompt: 7 }, { prompt: 'a', more: 1 }, { prompt: [cycle] }, { method: 'a', params: [1] },
      { method: 'session/set_mode', params: { sessionId: 'of another' } }, { method: 'session/prompt', params: { sessionId: 'x', prompt: 'y' } },
      ...['initialize', 'authenticate', 'logout'].map((method) => ({ method })),
      ...['new', 'load', 'resume', 'fork', 'close', 'list', 'delete'].map((name) => ({ method: `session/${name}` })),
    ]
    for (const message of wrong) expect((await errorOf(() => session.turn(message))).code).toBe('MESSAGE_INVALID')
    expect(await methodsSeen(session)).toEqual(['initialize', 'session/new', 'session/prompt'])
  })
})

describe('a request of an agent', () => {
  it('for a permission is answered with "not this once" where nobody answers it, or as cancelled where that is not offered', async () => {
    await using session = await open()
    expect(await said(session, 'tool')).toBe('not allowed: reject_once')
    expect(await session.request({ prompt: 'tool reject_once' })).toEqual({ stopReason: 'cancelled' })
  })

  it("is answered by the lease's handler, and belongs to the turn", async () => {
    await using session = await open([], {}, ({ params }) => ({ content: `the text of ${(params as { path: string }).path}` }))
    const turn = session.turn({ prompt: 'read /etc/motd' })
    await turn.result
    expect(JSON.parse(textOf(turn))).toEqual({ content: 'the text of /etc/motd' })
    expect(session.questions).toMatchObject([{ method: 'fs/read_text_file' }])
    expect(session.questions[0]!.turn).toBe(turn.sink)
  })

  it.each([
    ['read /x', { code: -32601 }], ['ask terminal/create', { code: -32601 }], ['ask elicitation/create', { action: 'decline' }],
    ['ask session/request_permission', { outcome: { outcome: 'cancelled' } }],
  ])('%j has a default answer', async (prompt, answer) => {
    await using session = await open()
    expect(await told(session, prompt)).toMatchObject(answer)
  })

  it('that it takes back gets an error at once', async () => {
    await using session = await open([], {}, () => new Promise(() => undefined))
    expect(await told(session, 'takeback')).toMatchObject({ code: -32800 })
  })
})

describe('what an agent says unasked', () => {
  it('after the end of a prompt is reported: state is harmless, words are not', async () => {
    await using session = await open()
    for (const kind of ['agent_message_chunk', 'usage_update']) {
      await session.request({ prompt: `late ${kind}` })
      await session.until(() => session.unsolicited.length + session.harmless.length > (kind === 'usage_update' ? 1 : 0))
    }
    expect(session.unsolicited).toMatchObject([{ method: 'session/update', params: { update: { sessionUpdate: 'agent_message_chunk' } } }])
    expect(session.harmless).toMatchObject([{ params: { update: { sessionUpdate: 'usage_update' } } }])
    await session.request({ notify: '_say' })
    await session.until(() => session.unsolicited.length === 2)
  })

  it('of another conversation is no part of the turn', async () => {
    await using session = await open()
    const turn = session.turn({ prompt: 'other' })
    await turn.result
    expect([turn.events, session.unsolicited]).toMatchObject([[], [{ params: { sessionId: 'another' } }]])
  })
})

describe('the state of a conversation', () => {
  it.each(['load', 'resume'])('is restored in a fresh process by session/%s, and nobody hears of it again', async (way) => {
    const flags = [`store=${await tempFolder()}`, way]
    const first = await open(flags)
    await first.request({ prompt: 'remember the launch date' })
    const token = await first.channel.park!(never)
    await first.close()

    await using second = await openUnbound(flags)
    await second.channel.bind!({ ...ACME, resumes: true }, never)
    await second.channel.resume!(token, never)
    expect(await told<string[]>(second, 'recall')).toEqual(['remember the launch date', 'recall'])
    expect([second.unsolicited, second.harmless]).toEqual([[], []])
    expect(await methodsSeen(second)).toEqual(['initialize', `session/${way}`, 'session/prompt', 'session/prompt'])
    expect(JSON.parse(await second.channel.park!(never))).toEqual(JSON.parse(token))
  })

  it('in which nothing was said is a new one', async () => {
    const first = await open(['load'])
    expect(await first.channel.park!(never)).toBe(TOKEN_OF_NOTHING)
    await first.close()
    for (const resumes of [true, false]) {
      await using session = await openUnbound(['load'])
      await session.channel.bind!({ ...ACME, resumes }, never)
      await session.channel.resume!(TOKEN_OF_NOTHING, never)
      expect(await methodsSeen(session)).toEqual(['initialize', 'session/new', 'session/prompt'])
    }
  })

  it('that the agent has lost is an error, not a conversation without a past', async () => {
    await using session = await openUnbound([`store=${await tempFolder()}`, 'load'])
    await session.channel.bind!({ ...ACME, resumes: true }, never)
    const error = await errorOf(session.channel.resume!(JSON.stringify({ sessionId: 'gone' }), never))
    expect(error.details).toMatchObject({ code: -32002 })
  })

  it('cannot be parked where the agent does not say that it can restore it', async () => {
    await using session = await open(['close'])
    expect([session.channel.park, session.channel.resume, session.channel.reset]).toEqual([undefined, undefined, undefined])
  })
})

describe('an acp session', () => {
  it('answers pings before and after it is claimed, also while it works', async () => {
    await using session = await openUnbound()
    await session.channel.ping!(never)
    await session.channel.bind!(ACME, never)
    session.turn({ prompt: 'hang' })
    await session.channel.ping!(never)
  })

  it('does not answer them when it hangs', async () => {
    await using session = await open()
    session.turn({ prompt: 'stop' })
    const deadline = new AbortController()
    const ping = session.channel.ping!(deadline.signal)
    deadline.abort(new Error('the deadline'))
    await expect(ping).rejects.toThrow('the deadline')
  })

  it('closes its conversation when it ends, where the agent can', async () => {
    await using session = await open(['close'])
    await session.channel.goodbye!(never)
    expect((await errorOf(session.request({ prompt: 'recall' }))).details).toMatchObject({ code: -32002 })
    await using other = await open()
    await other.channel.goodbye!(never)
    expect(await said(other, 'say hello')).toBe('hello')
    await using unclaimed = await openUnbound(['close'])
    await unclaimed.channel.goodbye!(never)
  })

  it('fails its turn with how it ended when it crashes', async () => {
    await using session = await open()
    const turn = session.turn({ prompt: 'crash' })
    await expect(turn.result).rejects.toThrow(/The process ended \(3\): the agent has crashed/)
    expect(textOf(turn)).toBe('about to crash')
    expect((await errorOf(() => session.turn({ prompt: 'say hello' }))).code).toBe('SESSION_CRASHED')
    session.channel.cancel!(turn.sink)
  })
})
