import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Question } from 'greenroom/kit'
import plugin from 'greenroom/plugins/drivers/claude-code'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claudeWorld } from '../../support/claude-code.ts'
import { makeDriver, openDriver, until, type OpenDriver } from '../../support/driver-harness.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const { api, options } = await claudeWorld()

type Event = { type: string; subtype?: string; event?: { delta?: { text?: string } } }
const result = (text: string): object => ({ type: 'result', subtype: 'success', result: text })

describe('a session of Claude Code', () => {
  let session: OpenDriver
  let answer: (question: Question) => unknown = () => ({ behavior: 'deny' })

  beforeAll(async () => {
    session = await openDriver(plugin, { ...options, allowedTools: ['Bash(sleep *)'] }, (question) => answer(question))
  })
  // The last test says goodbye to it.
  afterAll(() => session.close())

  it('streams an answer as it is made, and ends with its result', async () => {
    const { events, result: last } = session.turn({ prompt: 'say one two three' })
    expect(await last).toMatchObject(result('one two three'))
    const said = (events as Event[]).map(({ event }) => event?.delta?.text).filter((text) => text !== undefined)
    expect(said).toEqual(['one ', 'two ', 'three'])
    expect(events).toContainEqual(expect.objectContaining({ type: 'system', subtype: 'init' }))
    expect(await session.request({ prompt: [{ type: 'text', text: 'say a block' }] })).toMatchObject(result('a block'))
  })

  it('asks before it uses a tool, and does as it is told', async () => {
    const command = 'touch made && echo done'
    const asked: unknown[] = []
    const answers: [() => unknown, string][] = [
      [() => ({ behavior: 'deny', message: 'not today' }), 'not today'],
      [() => ({ behavior: 'deny' }), 'Nobody was there to allow it, so it is denied.'],
      [() => ({ behavior: 'allow' }), 'done'],
      [() => ({ behavior: 'allow', updatedInput: { command: 'echo other' } }), 'other'],
      [() => true, 'the handler of can_use_tool gave neither'],
      [() => Promise.reject(new Error('no idea')), 'no idea'],
    ]
    for (const [given, expected] of answers) {
      answer = ({ method, params }) => {
        asked.push([method, params])
        return given()
      }
      expect(await session.request({ prompt: `bash ${command}` })).toMatchObject({ result: expect.stringContaining(expected) })
    }
    expect(asked).toHaveLength(answers.length)
    expect(asked[0]).toMatchObject(['can_use_tool', { tool_name: 'Bash', input: { command } }])
    expect(session.questions.every(({ turn }) => turn !== undefined)).toBe(true)
  })

  it('says that it works in silence while a tool runs', async () => {
    const turn = session.turn({ prompt: 'bash sleep 0.2' })
    await turn.result
    expect(turn.quiet).toEqual([true, false])
  })

  it('takes its question back when the turn is cancelled', async () => {
    answer = () => new Promise(() => undefined)
    const asked = session.questions.length
    const turn = session.turn({ prompt: 'bash touch it' })
    await until(() => session.questions.length > asked)
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ subtype: 'error_during_execution' })
    expect(session.questions.at(-1)!.signal!.aborted).toBe(true)
  })

  it('stops at once when a tool runs, or the model takes its time, and also when it has not begun', async () => {
    for (const [prompt, wait] of [['bash sleep 60', 'quiet'], ['hang', 'api'], ['hang', 'nothing']] as const) {
      const before = api.requests.length
      const turn = session.turn({ prompt })
      if (wait === 'quiet') await until(() => turn.quiet.at(-1) === true)
      if (wait === 'api') await until(() => api.requests.length > before)
      session.channel.cancel!(turn.sink)
      expect(await turn.result).toMatchObject({ type: 'result', subtype: 'error_during_execution' })
      expect(await session.request({ prompt: 'say on we go' })).toMatchObject(result('on we go'))
    }
    await until(() => api.open() === 0)
  })

  it('fails a prompt that the model refuses, with what it said, and goes on', async () => {
    const error = await greenroomErrorOf(() => session.request({ prompt: 'fail 400 too blue' }))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', message: expect.stringContaining('too blue'), details: { type: 'result', is_error: true } })
    expect(await session.request({ prompt: 'say fine' })).toMatchObject(result('fine'))
  })

  it('takes control calls, and says which it does not take', async () => {
    expect(await session.request({ control: 'set_model', model: 'claude-sonnet-4-5' })).toEqual({ model: 'claude-sonnet-4-5' })
    await session.request({ prompt: 'say which' })
    expect(api.requests.at(-1)!.body.model).toBe('claude-sonnet-4-5')
    expect(await session.request({ control: 'set_permission_mode', mode: 'plan' })).toEqual({ mode: 'plan' })
    expect(await session.request({ control: 'mcp_status' })).toEqual({ mcpServers: [] })
    expect((await greenroomErrorOf(() => session.request({ control: 'set_permission_mode', mode: 'nonsense' }))).code).toBe('REQUEST_FAILED')
    for (const message of [{ control: 'interrupt' }, { control: 'mcp_status', prompt: 'a' }, { control: 'mcp_status', subtype: 'end_session' }]) {
      expect((await greenroomErrorOf(() => session.request(message))).code).toBe('MESSAGE_INVALID')
    }
  })

  it('does not work in the background, unless that is wanted', async () => {
    const answer = await session.request({ prompt: 'tool Bash {"command":"sleep 0","run_in_background":true}' })
    expect(answer).toMatchObject({ result: expect.stringContaining('run_in_background') })
  })

  it('is orderly: nothing came that belongs to nobody', () => {
    expect(session.unsolicited).toEqual([])
    expect(session.broken).toEqual([])
  })

  it('ends at the goodbye, also while it works: it is interrupted before', async () => {
    const turn = session.turn({ prompt: 'hang' })
    await until(() => api.open() > 0)
    // By itself; its code is that of its last turn.
    expect(await session.close()).toEqual({ code: 1, signal: null })
    expect(await turn.result).toMatchObject({ subtype: 'error_during_execution' })
    await until(() => api.open() === 0)
  })
})

describe('work in the background', () => {
  it('that ends when nothing is asked is told as nobody\'s, and its result is never taken for a turn\'s', async () => {
    await using session = await openDriver(plugin, { ...options, allowedTools: ['Bash'], backgroundTasks: true })
    const go = join(await tempFolder(), 'go')
    await session.request({ prompt: `tool Bash {"command":"until [ -e ${go} ]; do sleep 0.1; done","run_in_background":true}` })
    await writeFile(go, '')
    await until(() => session.unsolicited.some((message) => (message as Event).subtype === 'task_notification'))
    const turn = session.turn({ prompt: 'say mine' })
    expect(await turn.result).toMatchObject(result('mine'))
    const others = [...session.unsolicited, ...turn.events].filter((message) => (message as Event).type === 'result')
    expect(others).toMatchObject([{ origin: { kind: 'task-notification' } }])
  })
})

describe('without a key', () => {
  it('a prompt fails with how to give it one', async () => {
    const { ANTHROPIC_API_KEY: _key, ...env } = options.env
    await using session = await openDriver(plugin, { ...options, env })
    const error = await greenroomErrorOf(() => session.request({ prompt: 'say hello' }))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', message: expect.stringContaining("inheritEnv: ['ANTHROPIC_API_KEY']") })
  })
})

describe('what a parked conversation is resumed with', () => {
  const ID = '11111111-2222-4333-8444-555555555555'
  const birth = (token: object): { tenant: string; token: string } => ({ tenant: 'acme', token: JSON.stringify(token) })

  async function withTranscript(bytes: number): Promise<object> {
    const config = await tempFolder()
    await mkdir(join(config, 'projects', '-work'), { recursive: true })
    await writeFile(join(config, 'projects', '-work', `${ID}.jsonl`), 'x'.repeat(bytes))
    return { env: { CLAUDE_CONFIG_DIR: config } }
  }

  it('is its id, when there is a transcript or must be one', async () => {
    const here = await makeDriver(plugin, await withTranscript(10))
    expect(here.spawnSpec(birth({ sessionId: ID })).args).toContain(`--resume=${ID}`)
    const gone = await makeDriver(plugin, { env: { HOME: '/nowhere' } })
    expect(gone.spawnSpec(birth({ sessionId: ID, spoken: true })).args).toContain(`--resume=${ID}`)
    expect(gone.spawnSpec(birth({ sessionId: ID })).args!.join()).not.toContain('resume')
  })

  it('is refused when it is too large, or no id', async () => {
    const driver = await makeDriver(plugin, { ...await withTranscript(3_000), maxTranscript: '2KB' })
    const error = await greenroomErrorOf(() => driver.spawnSpec(birth({ sessionId: ID, spoken: true })))
    expect(error).toMatchObject({ code: 'START_FAILED', message: expect.stringContaining('2.9KB, and maxTranscript allows 2KB') })
    for (const token of [{}, { sessionId: '../../etc/passwd' }]) {
      expect((await greenroomErrorOf(() => driver.spawnSpec(birth(token)))).code).toBe('START_FAILED')
    }
  })

  it('fails the start when the program does not know it', async () => {
    const driver = { ...options, args: [`--resume=${ID}`] }
    const error = await greenroomErrorOf(() => openDriver(plugin, driver))
    expect(error).toMatchObject({ code: 'START_FAILED', message: expect.stringContaining(`No conversation found with session ID: ${ID}`) })
  })

  it('is known to be nothing when nothing was said, and is not lost when a resumed one says nothing', async () => {
    await using first = await openDriver(plugin, options)
    const driver = await makeDriver(plugin, options)
    const empty = await first.channel.park!(new AbortController().signal)
    expect(driver.spawnSpec({ tenant: 'default', token: empty }).args!.join()).not.toContain('resume')
    await first.request({ prompt: 'say hello' })
    const spoken = await first.channel.park!(new AbortController().signal)
    const id = (JSON.parse(spoken) as { sessionId: string }).sessionId
    await first.close()

    await using resumed = await openDriver(plugin, { ...options, args: [`--resume=${id}`] })
    const again = await resumed.channel.park!(new AbortController().signal)
    expect(driver.spawnSpec({ tenant: 'default', token: again }).args).toContain(`--resume=${id}`)
    expect(await resumed.request({ prompt: 'recall' })).toMatchObject(result('say hello\nrecall'))
  })
})

describe('what Claude Code is started with', () => {
  it('is what the options say, each value in an argument of its own', async () => {
    const driver = await makeDriver(plugin, {
      model: 'sonnet', permissionMode: 'plan', allowedTools: ['Read', 'Bash(git *)'], disallowedTools: ['WebFetch'], systemPrompt: '--be brief',
      appendSystemPrompt: 'in verse', mcpConfig: { mcpServers: {} }, partialMessages: false, args: ['--strict-mcp-config'], backgroundTasks: true, env: { A: 'b' },
    })
    expect(driver.spawnSpec()).toEqual({
      command: 'claude',
      args: [
        '-p', '--input-format=stream-json', '--output-format=stream-json', '--verbose', '--permission-prompt-tool=stdio', '--model=sonnet', '--permission-mode=plan',
        '--system-prompt=--be brief', '--append-system-prompt=in verse', '--mcp-config={"mcpServers":{}}', '--allowed-tools', 'Read', 'Bash(git *)',
        '--disallowed-tools', 'WebFetch', '--strict-mcp-config',
      ],
      env: { DISABLE_AUTOUPDATER: '1', A: 'b' },
    })
  })

  it('are folders of its tenant, for all that it keeps', async () => {
    const root = await tempFolder()
    const driver = await makeDriver(plugin, { folders: { root } })
    const { cwd, env } = driver.spawnSpec({ tenant: 'acme' })
    const [folder] = await readdir(root)
    expect(cwd).toBe(join(root, folder!, 'work'))
    expect(env).toMatchObject({
      HOME: join(root, folder!, 'home'), CLAUDE_CONFIG_DIR: join(root, folder!, 'config'), TMPDIR: join(root, folder!, 'tmp'), CLAUDE_CODE_TMPDIR: join(root, folder!, 'tmp'),
    })
  })
})
