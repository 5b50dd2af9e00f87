import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { driverContract, type DriverContract } from 'greenroom/testing'
import { registerBundled } from '../../../src/bundled.ts'
import { StrategyRegistry } from '../../../src/kernel/strategy-registry.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))
const node = (...args: string[]): { command: string; args: string[] } => ({ command: process.execPath, args })
const { resolve } = createRequire(import.meta.url)
const MEMORY_SERVER = resolve('@modelcontextprotocol/server-memory/dist/index.js')
const FILES_SERVER = resolve('@modelcontextprotocol/server-filesystem/dist/index.js')
const BASH_SERVER = resolve('bash-language-server/out/cli.js')

const DOCUMENT = 'file:///nowhere/a.sh'

const folder = await mkdtemp(join(tmpdir(), 'greenroom-contracts-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The memory server, each with a graph of its own: by itself it keeps one file for all. */
const MEMORY = {
  command: 'sh', args: ['-c', 'MEMORY_FILE_PATH="$2/$$.jsonl" exec "$0" "$1"', process.execPath, MEMORY_SERVER, folder],
}
const entity = (name: string): object => ({ name, entityType: 'mark', observations: [] })

const lines = {
  message: { do: 'later', ms: 0, value: 'here' },
  expect: (answer: unknown) => assert.equal((answer as { value: unknown }).value, 'here'),
  crashMessage: { do: 'exit', code: 3 },
  state: { write: (value: string) => ({ do: 'remember', value }), read: { do: 'recall' } },
}
const linesOptions = {
  ...node(fixture('lines.mjs'), 'banner'),
  ready: { match: { type: 'system', subtype: 'ready' } },
  terminal: { type: 'result' },
  harmless: { type: 'log' },
  ping: { send: { do: 'ping' }, expect: { type: 'pong' } },
  reset: { send: { do: 'forget' }, expect: { type: 'forgotten' }, guarantees: ['conversation'] },
  park: { send: { do: 'save' }, expect: { type: 'saved' }, field: 'token' },
  resume: { send: { do: 'load' }, expect: { type: 'loaded' }, field: 'token' },
  goodbye: { send: { do: 'bye' } },
}

const rpc = {
  message: { method: 'echo', params: { word: 'here' } },
  expect: (answer: unknown) => assert.deepEqual(answer, { word: 'here' }),
  slowMessage: { method: 'work' },
  crashMessage: { method: 'exit', params: { code: 3 } },
  invalidMessages: [{}, 'echo', { method: '' }, { method: 'echo', params: 1 }, { method: 'echo', params: { big: 1n } }],
}

/** What an agent says comes in events. */
const heard = (words: string) => (_answer: unknown, events: readonly unknown[]) => assert.ok(JSON.stringify(events).includes(words))

/** Every bundled driver on its programs. */
const drivers: Readonly<Record<string, DriverContract>> = {
  'json-lines, with ids': {
    ...lines,
    use: 'json-lines',
    options: { ...linesOptions, id: 'id', concurrency: 8, cancel: { send: { do: 'halt' } } },
    slowMessage: { do: 'silent' },
    invalidMessages: [1, 'text', null, ['list'], { id: 1 }, { do: 'echo', value: 1n }],
  },
  'json-lines, in order': { ...lines, use: 'json-lines', options: linesOptions, invalidMessages: [undefined] },
  'json-lines, with nothing but a command': {
    use: 'json-lines',
    options: { command: 'cat' },
    message: { say: 'here' },
    expect: (answer) => assert.deepEqual(answer, { say: 'here' }),
  },
  'json-rpc, by Content-Length': {
    ...rpc,
    use: 'json-rpc',
    options: {
      ...node(fixture('rpc-server.mjs'), 'content-length'),
      initialize: { method: 'initialize', params: { who: 'me' } },
      initialized: { method: 'initialized' },
      ping: { method: 'nothing' },
      goodbye: { request: { method: 'shutdown' }, notification: { method: 'exit' } },
      concurrency: 4,
    },
  },
  'json-rpc, by lines': {
    ...rpc,
    use: 'json-rpc',
    options: { ...node(fixture('rpc-server.mjs'), 'ndjson'), framing: 'ndjson', initialize: { method: 'initialize', params: { who: 'me' } } },
  },
  'mcp, on server-memory': {
    use: 'mcp',
    options: { ...MEMORY, concurrency: 4 },
    message: { list: 'tools' },
    expect: (answer) => assert.ok((answer as { tools: unknown[] }).tools.length > 0),
    state: { write: (name) => ({ tool: 'create_entities', arguments: { entities: [entity(name)] } }), read: { tool: 'read_graph' } },
    invalidMessages: [{}, { list: 'secrets' }, { tool: '' }, { method: 'tools/list', params: [] }, { tool: 'x', arguments: { big: 1n } }],
  },
  'mcp, on server-filesystem': {
    use: 'mcp',
    // (Folders it is told of as roots it knows only a moment after it is ready.)
    options: node(FILES_SERVER, folder),
    message: { tool: 'list_allowed_directories' },
    expect: (answer) => assert.ok(JSON.stringify(answer).includes(basename(folder))),
  },
  'node-repl': {
    use: 'node-repl',
    message: { code: '6 * 7' },
    expect: (answer) => assert.equal((answer as { value: unknown }).value, 42),
    slowMessage: { code: 'for (;;) {}' },
    crashMessage: { code: 'process.exit(3)' },
    invalidMessages: [{}, '1 + 1', { code: 1 }, { code: '1', more: true }],
    state: { write: (value) => ({ code: `globalThis.kept = '${value}'` }), read: { code: 'globalThis.kept' } },
  },
  lsp: {
    use: 'lsp',
    message: rpc.message,
    expect: rpc.expect,
    slowMessage: rpc.slowMessage,
    invalidMessages: rpc.invalidMessages,
    options: { ...node(fixture('rpc-server.mjs'), 'content-length'), concurrency: 4 },
  },
  'lsp, on bash-language-server': {
    use: 'lsp',
    options: { ...node(BASH_SERVER, 'start'), concurrency: 4 },
    message: { method: 'workspace/symbol', params: { query: 'nothing' } },
    expect: (answer) => assert.deepEqual(answer, []),
    state: {
      write: (name) => ({ notify: 'textDocument/didOpen', params: { textDocument: { uri: DOCUMENT, languageId: 'shellscript', version: 1, text: `${name}() {\n  :\n}\n` } } }),
      read: { method: 'textDocument/documentSymbol', params: { textDocument: { uri: DOCUMENT } } },
    },
    invalidMessages: [{}, { method: 'shutdown' }, { notify: 'exit' }],
  },
  'acp, on an agent of the official library': {
    use: 'acp',
    options: node(fixture('acp-sdk-agent.mjs'), folder),
    message: { prompt: 'hello' },
    expect: heard('hello'),
    slowMessage: { prompt: 'wait' },
    state: { write: (value) => ({ prompt: value }), read: { prompt: 'again' } },
  },
  acp: {
    use: 'acp',
    options: node(fixture('acp-agent.mjs'), `store=${folder}`, 'load', 'resume'),
    message: { prompt: 'say hello' },
    expect: heard('hello'),
    slowMessage: { prompt: 'work' },
    crashMessage: { prompt: 'crash' },
    invalidMessages: ['text', {}, { prompt: '' }, { prompt: 'a', more: 1 }],
    state: { write: (value) => ({ prompt: `remember ${value}` }), read: { prompt: 'recall' } },
  },
  'node-repl, waiting': {
    use: 'node-repl',
    message: { code: "'here'" },
    slowMessage: { code: 'await new Promise(() => setInterval(() => {}, 1000))' },
  },
  'python-repl': {
    use: 'python-repl',
    message: { code: '6 * 7' },
    expect: (answer) => assert.equal((answer as { value: unknown }).value, 42),
    slowMessage: { code: 'while True: pass' },
    crashMessage: { code: 'import os; os._exit(3)' },
    invalidMessages: [{}, '1 + 1', { code: 1 }, { code: '1', more: true }, { code: '1', timeout: 'soon' }],
    state: { write: (value) => ({ code: `kept = '${value}'` }), read: { code: 'globals().get("kept")' } },
  },
  'shell, bash': {
    use: 'shell',
    message: { command: 'echo $((6 * 7))' },
    expect: (answer) => assert.equal((answer as { stdout: unknown }).stdout, '42\n'),
    slowMessage: { command: 'sleep 100; echo next' },
    crashMessage: { command: 'kill -9 $$' },
    invalidMessages: [{}, 'ls', { command: 1 }, { command: 'ls', more: true }, { command: 'a\0b' }],
    state: { write: (value) => ({ command: `kept=${value}` }), read: { command: 'echo "$kept"' } },
  },
  'shell, sh': {
    use: 'shell',
    options: { command: 'sh' },
    message: { command: 'echo here' },
    slowMessage: { command: 'while :; do :; done' },
    crashMessage: { command: 'exit 3' },
    state: { write: (value) => ({ command: `kept=${value}` }), read: { command: 'echo "$kept"' } },
  },
}

const suites = await Promise.all(Object.entries(drivers).map(async ([name, contract]) => ({ name, cases: await driverContract(contract) })))

describe('the contract of drivers', () => {
  it('is kept by every bundled driver', () => {
    const registry = new StrategyRegistry()
    registerBundled(registry)
    // claude-code has a file of its own: its program is fetched first.
    const shown = ['claude-code', ...Object.values(drivers).map((contract) => 'use' in contract && contract.use)]
    expect(new Set(shown)).toEqual(new Set(registry.names('driver')))
  })
})

// Each case has processes of its own, and mostly waits.
describe.concurrent.each(suites)('the driver $name', ({ cases }) => {
  for (const { title, run } of cases) it(title, run)
})
