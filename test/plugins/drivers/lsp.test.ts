import { existsSync } from 'node:fs'
import { realpath, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import lsp from '../../../plugins/drivers/lsp.ts'
import { isGreenroomError, type GreenroomError, type Question } from '../../../src/kit.ts'
import { makeDriver, openDriver, type OpenDriver } from '../../support/driver-harness.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const SERVER = fileURLToPath(new URL('../../fixtures/rpc-server.mjs', import.meta.url))
const BASH_SERVER = createRequire(import.meta.url).resolve('bash-language-server/out/cli.js')

const never = new AbortController().signal
type Answer = (question: Question) => unknown
type Seen = { method: string; params?: Record<string, unknown> }[]

function open(options: object = {}, answer?: Answer): Promise<OpenDriver> {
  return openDriver(lsp, { command: process.execPath, args: [SERVER, 'content-length'], ...options }, answer)
}

function openBash(options: object = {}, answer?: Answer): Promise<OpenDriver> {
  return openDriver(lsp, { command: process.execPath, args: [BASH_SERVER, 'start'], env: { SHELLCHECK_PATH: '' }, ...options }, answer)
}

async function seenBy(session: OpenDriver): Promise<Seen> {
  return (await session.request({ method: 'seen' })) as Seen
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

/** Has the server ask its client; what it was answered. */
async function asked(session: OpenDriver, method: string, params?: unknown): Promise<unknown> {
  const [answer] = (await session.request({ method: 'ask', params: { method, with: params } })) as { result?: unknown; error?: unknown }[]
  return answer!.error ?? answer!.result
}

describe('the start of an lsp session', () => {
  it('says who it is, what it can, and that it is ready', async () => {
    await using session = await open()
    const [initialize, initialized, ...more] = await seenBy(session)
    expect(initialize).toMatchObject({ method: 'initialize', params: { processId: process.pid, clientInfo: { name: 'greenroom' }, trace: 'off' } })
    expect(initialize!.params).toMatchObject({ rootUri: null, workspaceFolders: null, capabilities: { workspace: { configuration: true } } })
    expect(initialized).toEqual({ method: 'initialized', params: {} })
    expect(more).toEqual([{ method: '$/greenroom/ping' }, { method: 'seen' }])
  })

  it('passes on what the server is to know', async () => {
    const given = {
      workspace: '/srv/code', initializationOptions: { a: 1 }, capabilities: { general: {} }, clientInfo: { name: 'mine' }, settings: { s: 1 },
    }
    await using session = await open({ ...given, watchParent: false })
    const [initialize, , configuration] = await seenBy(session)
    expect(initialize!.params).toEqual({
      processId: null, clientInfo: { name: 'mine' }, initializationOptions: { a: 1 }, capabilities: { general: {} }, trace: 'off',
      rootUri: 'file:///srv/code', workspaceFolders: [{ uri: 'file:///srv/code', name: 'code' }],
    })
    expect(configuration).toEqual({ method: 'workspace/didChangeConfiguration', params: { settings: { s: 1 } } })
  })

  it('fails when the server does not speak the protocol', async () => {
    expect((await errorOf(openDriver(lsp, { command: 'echo', args: ['hello, world'] }))).code).toBe('PROTOCOL_ERROR')
  })

  it('takes nothing but what it knows in its options', async () => {
    await expect(makeDriver(lsp, { command: 'x', rootUri: 'file:///a' })).rejects.toThrow('rootUri')
    expect((await makeDriver(lsp, { command: 'x', concurrency: 4 })).capabilities).toMatchObject({ concurrency: 4 })
  })
})

describe('the workspace of an lsp session', () => {
  it('that depends on who claims it is told when it is claimed, and not before', async () => {
    await using session = await open({ workspace: '/srv/{tenant}/code/{key}' })
    expect((await errorOf(() => session.turn({ method: 'seen' }))).code).toBe('CONFIG_INVALID')
    await session.channel.ping!(never)
    await session.channel.bind!({ tenant: 'acme', key: 'web shop' }, never)
    const seen = await seenBy(session)
    expect(seen.map(({ method }) => method)).toEqual(['$/greenroom/ping', '$/greenroom/ping', 'initialize', 'initialized', '$/greenroom/ping', 'seen'])
    expect(seen[2]!.params).toMatchObject({ rootUri: 'file:///srv/acme/code/web%20shop' })
  })

  it.each([
    ['..', 'no name of a folder'], ['.', 'no name of a folder'], ['', 'no name of a folder'], ['../b', 'no name of a folder'],
    ['a/b', 'no name of a folder'], ['a\\b', 'no name of a folder'], ['a\0', 'no name of a folder'], [undefined, 'there is no key'],
  ])('is nobody else\'s: the key %j is refused', async (key, why) => {
    await using session = await open({ workspace: '/srv/{key}' })
    const error = await errorOf(session.channel.bind!({ tenant: 'acme', key }, never))
    expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', message: expect.stringContaining(why) })
  })

  it("is the tenant's own folder where there are such", async () => {
    const root = await realpath(await tempFolder())
    await using session = await open({ folders: { root, cwd: 'work' } })
    expect(session.driver.capabilities.bindsAtSpawn).toBe(true)
    await session.channel.bind!({ tenant: 'acme', key: undefined }, never)
    const { rootUri } = (await seenBy(session)).find(({ method }) => method === 'initialize')!.params as { rootUri: string }
    expect(rootUri).toMatch(/acme-[0-9a-f]+\/work$/)
    expect(existsSync(fileURLToPath(rootUri))).toBe(true)
  })

  it('is bound once only: where it is known from the start there is nothing to bind', async () => {
    await using session = await open({ workspace: '/srv/code' })
    expect(session.channel.bind).toBeUndefined()
  })
})

describe('a request of a language server', () => {
  const items = [{ section: 'a' }, { section: 'a.b' }, { section: 'a.c.d' }, {}, { section: '' }]
  const settings = { a: { b: 1 } }

  it.each<[string, unknown, unknown]>([
    ['workspace/configuration', { items: [{ section: 'a' }, {}] }, [null, null]],
    ['workspace/configuration', undefined, []],
    ['workspace/workspaceFolders', undefined, null],
    ['workspace/applyEdit', { edit: {} }, { applied: false, failureReason: expect.any(String) }],
    ['workspace/inlayHint/refresh', undefined, null],
    ['client/registerCapability', { registrations: [] }, null],
    ['client/unregisterCapability', { unregisterations: [] }, null],
    ['window/workDoneProgress/create', { token: 1 }, null],
    ['window/showMessageRequest', { type: 1, message: 'well?' }, null],
    ['window/showDocument', { uri: 'file:///a' }, { success: false }],
    ['no/such', undefined, { code: -32601, message: expect.stringContaining('no/such') }],
  ])('%s has a default answer that lets it go on', async (method, params, answer) => {
    await using session = await open()
    expect(await asked(session, method, params)).toEqual(answer)
    expect(session.questions).toMatchObject([{ method, harmless: true }])
  })

  it('for its configuration is answered from the settings', async () => {
    await using session = await open({ settings })
    expect(await asked(session, 'workspace/configuration', { items })).toEqual([{ b: 1 }, 1, null, settings, settings])
  })

  it('for its folders is answered with what it was told of them', async () => {
    await using session = await open({ workspace: '/srv/a' })
    const folder = (name: string): object => ({ uri: `file:///srv/${name}`, name })
    const event = { added: [folder('b'), { name: 'no uri' }], removed: [folder('a')] }
    await session.request({ notify: 'workspace/didChangeWorkspaceFolders', params: { event } })
    expect(await asked(session, 'workspace/workspaceFolders')).toEqual([folder('b')])
    await session.request({ notify: 'workspace/didChangeWorkspaceFolders', params: { event: { removed: [folder('b')] } } })
    await session.request({ notify: 'workspace/didChangeWorkspaceFolders' })
    expect(await asked(session, 'workspace/workspaceFolders')).toEqual([])
  })

  it("is answered by the lease's handler where there is one", async () => {
    await using session = await open({}, ({ method, params }) => ({ method, params }))
    expect(await asked(session, 'workspace/applyEdit', { edit: {} })).toEqual({ method: 'workspace/applyEdit', params: { edit: {} } })
  })
})

describe('what a language server says', () => {
  it('belongs to no request, and harms nobody', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'hang' })
    const messages = ['textDocument/publishDiagnostics', 'window/logMessage', 'experimental/status'].map((method) => ({ method, params: {} }))
    for (const params of messages) await session.request({ notify: 'say', params })
    await session.request({ notify: 'say', params: { method: 'telemetry/event' } })
    await session.until(() => session.harmless.length === 4)
    expect(session.harmless).toEqual([...messages, { method: 'telemetry/event' }])
    expect([turn.events, session.unsolicited]).toEqual([[], []])
  })

  it('of the progress of a request goes to its turn, under the token its caller chose', async () => {
    await using session = await open({ concurrency: 2 })
    const params = { workDoneToken: 'mine', partialResultToken: 7, more: true }
    const [first, second] = [session.turn({ method: 'hang', params }), session.turn({ method: 'hang', params: { workDoneToken: 'mine' } })]
    const given = (await seenBy(session)).filter(({ method }) => method === 'hang').map((hung) => hung.params!)
    expect(given).toMatchObject([{ more: true }, {}])
    const tokens = given.flatMap(({ workDoneToken, partialResultToken }) => [workDoneToken, partialResultToken]).filter(Boolean)
    expect(new Set(tokens).size).toBe(3)
    for (const token of [...tokens, 'nobody']) await session.request({ notify: 'say', params: { method: '$/progress', params: { token, value: 1 } } })
    await session.until(() => session.harmless.length === 1)
    const progress = (token: unknown): object => ({ method: '$/progress', params: { token, value: 1 } })
    expect([first.events, second.events]).toEqual([[progress('mine'), progress(7)], [progress('mine')]])
    expect(session.harmless).toEqual([progress('nobody')])
  })
})

describe('a turn of lsp', () => {
  it('is cancelled by $/cancelRequest, and ends with the answer', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'work', params: { workDoneToken: 1 } })
    session.channel.cancel?.(turn.sink)
    expect((await errorOf(turn.result)).details).toEqual({ code: -32800, message: 'cancelled' })
    session.channel.cancel?.(turn.sink)
    expect(await session.request({ method: 'nothing' })).toBeNull()
  })

  it('is not made of what begins or ends the session, nor of a message of another form', async () => {
    await using session = await open()
    const cycle: Record<string, unknown> = { workDoneToken: 1 }
    cycle['self'] = cycle
    const wrong = [
      'text', {}, { method: 'initialize' }, { notify: 'initialized' }, { method: 'shutdown' }, { notify: 'exit' }, { method: 'a', params: 1 },
      { method: 'a', params: cycle },
    ]
    for (const message of wrong) expect((await errorOf(() => session.turn(message))).code).toBe('MESSAGE_INVALID')
    expect((await seenBy(session)).map(({ method }) => method)).toEqual(['initialize', 'initialized', '$/greenroom/ping', 'seen'])
  })
})

describe('the ping of an lsp session', () => {
  it('takes any answer, an error too', async () => {
    for (const ping of [undefined, { method: 'fail' }, { method: 'echo', params: { a: 1 } }]) {
      await using session = await open(ping && { ping })
      await session.channel.ping!(never)
    }
  })

  it('fails when there is none', async () => {
    await using session = await open()
    session.child.signal('SIGSTOP')
    const deadline = new AbortController()
    const ping = session.channel.ping!(deadline.signal)
    deadline.abort(new Error('the deadline'))
    await expect(ping).rejects.toThrow('the deadline')
    const last = session.channel.ping!(never)
    session.child.signal('SIGKILL')
    expect((await errorOf(last)).code).toBe('SESSION_CRASHED')
  })
})

describe('the goodbye of an lsp session', () => {
  it('is shutdown and exit', async () => {
    const session = await open()
    await session.channel.goodbye!(never)
    expect(await session.child.exited).toEqual({ code: 0, signal: null })
  })

  it('is exit alone before it was initialized', async () => {
    const session = await open({ workspace: '/srv/{key}' })
    await session.channel.goodbye!(never)
    expect(await session.child.exited).toEqual({ code: 1, signal: null })
  })
})

describe('lsp with bash-language-server', () => {
  const SCRIPT = '#!/bin/bash\ngreet() {\n  echo "hello $1"\n}\ngreet world\n'

  async function openScript(session: OpenDriver, uri: string, text = SCRIPT): Promise<void> {
    await session.request({ notify: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'shellscript', version: 1, text } } })
  }

  it('answers from the documents it was shown, and reports what is wrong with them', async () => {
    await using session = await openBash({ settings: { bashIde: { enableSourceErrorDiagnostics: true, shellcheckPath: '' } } })
    const uri = 'file:///nowhere/greet.sh'
    await openScript(session, uri)
    const position = { line: 4, character: 1 }
    const definition = await session.request({ method: 'textDocument/definition', params: { textDocument: { uri }, position } })
    expect(definition).toMatchObject([{ uri, range: { start: { line: 1 } } }])
    const symbols = (await session.request({ method: 'textDocument/documentSymbol', params: { textDocument: { uri } } })) as { name: string }[]
    expect(symbols.map(({ name }) => name)).toEqual(['greet'])

    await openScript(session, 'file:///nowhere/broken.sh', 'source ./no-such.sh\n')
    const diagnostics = (): unknown[] => session.harmless.filter((message) => (message as { method: string }).method === 'textDocument/publishDiagnostics')
    await session.until(() => diagnostics().length >= 2)
    expect(diagnostics()).toMatchObject([{ params: { uri, diagnostics: [] } }, { params: { diagnostics: [{ message: expect.any(String) }] } }])
    expect([session.unsolicited, session.broken]).toEqual([[], []])
  })

  it('knows the scripts of its workspace, which it learns when it is claimed', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'lib.sh'), SCRIPT)
    await using session = await openBash({ workspace: join(folder, '..', '{key}') })
    await session.channel.bind!({ tenant: 'acme', key: folder.split('/').at(-1) }, never)
    const found = async (): Promise<unknown[]> => (await session.request({ method: 'workspace/symbol', params: { query: 'greet' } })) as unknown[]
    for (let tries = 0; (await found()).length === 0 && tries < 500; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await found()).toMatchObject([{ name: 'greet', location: { uri: pathToFileURL(join(folder, 'lib.sh')).href } }])
  })

  it('asks for its configuration, at its start and when it is told to', async () => {
    await using session = await openBash({}, () => [{ logLevel: 'error' }])
    await session.until(() => session.questions.length === 1)
    expect(session.questions).toMatchObject([{ method: 'workspace/configuration', params: { items: [{ section: 'bashIde' }] }, harmless: true }])
  })

  it('answers pings, and says goodbye, also when nobody has claimed it', async () => {
    for (const options of [{}, { workspace: '/nowhere/{key}' }]) {
      const session = await openBash(options)
      await session.channel.ping!(never)
      const exit = await session.close()
      expect(exit?.signal).toBeNull()
    }
  })

  it('fails the turn, and not the session, when the server answers with an error', async () => {
    await using session = await openBash()
    expect((await errorOf(session.request({ method: 'no/such' }))).details).toMatchObject({ code: -32601 })
    await session.channel.ping!(never)
  })
})
