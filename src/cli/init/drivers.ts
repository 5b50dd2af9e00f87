import type { Field } from './fields.ts'

export const DRIVERS = ['node-repl', 'python-repl', 'shell', 'json-lines', 'json-rpc', 'mcp', 'lsp', 'acp', 'claude-code'] as const
export type DriverName = (typeof DRIVERS)[number]

const LINES = "require('node:readline').createInterface({ input: process.stdin })"
const ECHO_LINES = `${LINES}.on('line', (line) => console.log(line))`
const ECHO_RPC = `${LINES}.on('line', (line) => { const { id, params } = JSON.parse(line); `
  + "if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: params ?? null })) })"

const ECHO_AGENT = `${LINES}.on('line', (line) => { const { id } = JSON.parse(line); `
  + "if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: 1, sessionId: 'one', stopReason: 'end_turn' } })) })"

const PLACE: readonly Field[] = [
  { name: 'cwd', value: undefined, example: "'/srv/work'", comment: "Working directory of every session. Default: greenroom's own." },
  {
    name: 'env', value: undefined, example: "{ NAME: 'value' }",
    comment: 'Variables to set. A session gets no others, save the few every program needs (PATH, HOME, LANG…).',
  },
  {
    name: 'inheritEnv', value: undefined, example: "['NAME']",
    comment: "Names of greenroom's own variables that sessions may see. Default: none.",
  },
]

const MAX_OUTPUT: Field = {
  name: 'maxOutput', value: '1MB',
  comment: "The most output, and the largest value, kept of one request. Bytes, or text such as '1MB'. Default '1MB'.",
}

const TIMEOUT: Field = {
  name: 'timeout', value: undefined, example: "'30s'",
  comment: 'A request that takes longer is interrupted and answers with what it has put out. Default: none.',
}

function program(command: string, args: readonly string[], comment: string): readonly Field[] {
  return [
    { name: 'command', value: command, comment },
    { name: 'args', value: args, comment: 'Its arguments. No shell reads them.' },
    ...PLACE,
    { name: 'maxFrame', value: '64MB', comment: "The largest message taken from it. Bytes, or text such as '64MB'. Default '64MB'." },
  ]
}

const CONCURRENCY: Field = { name: 'concurrency', value: 1, comment: 'Requests one session works on at a time. Default 1.' }

const WORKSPACE: Field = {
  name: 'workspace', value: undefined, example: "'/srv/code/{tenant}/{key}'",
  comment: 'The folder a session works on; {tenant} and {key} are those of its lease, and known when it is claimed.',
}

/** The driver part of a config that works as it is: each starts a program that is there. */
export function driverFields(driver: DriverName): readonly Field[] {
  const use: Field = { name: 'use', value: driver, comment: 'The protocol: node-repl, python-repl, shell, json-lines, json-rpc, mcp, lsp, acp, claude-code, or the name of a driver of a plugin.' }
  switch (driver) {
    case 'node-repl': return [
      use,
      { name: 'nodeArgs', value: undefined, example: "['--max-old-space-size=256']", comment: 'Options of Node itself. Default: none.' },
      ...PLACE,
      MAX_OUTPUT,
    ]
    case 'python-repl': return [
      use,
      { name: 'command', value: 'python3', comment: "Python 3.8 or later: a name on PATH, or a path. Default 'python3'." },
      { name: 'args', value: undefined, example: "['-X', 'dev']", comment: 'Options of Python itself. Default: none.' },
      ...PLACE,
      MAX_OUTPUT,
      TIMEOUT,
    ]
    case 'shell': return [
      use,
      { name: 'command', value: 'bash', comment: "The shell: bash, or a POSIX shell such as sh or dash. Default 'bash'." },
      ...PLACE,
      MAX_OUTPUT,
      TIMEOUT,
    ]
    case 'json-lines': return [
      use,
      ...program('node', ['-e', ECHO_LINES], 'The program: it answers a line of JSON with a line of JSON. This one says everything back: put yours here.'),
      CONCURRENCY,
    ]
    case 'json-rpc': return [
      use,
      ...program('node', ['-e', ECHO_RPC], 'The program: it answers JSON-RPC requests. This one answers with their params: put yours here.'),
      CONCURRENCY,
      {
        name: 'framing', value: 'ndjson',
        comment: "How messages are told apart: 'ndjson' for one a line, 'content-length' (default) as language servers do.",
      },
    ]
    case 'mcp': return [
      use,
      ...program('npx', ['-y', '@modelcontextprotocol/server-memory'], 'The program: an MCP server over stdio. This one is fetched by npx at its first start: put yours here.'),
      CONCURRENCY,
    ]
    case 'lsp': return [
      use,
      ...program('npx', ['-y', 'bash-language-server', 'start'], 'The program: a language server over stdio. This one is fetched by npx at its first start: put yours here.'),
      CONCURRENCY,
      WORKSPACE,
    ]
    case 'acp': return [
      use,
      ...program('node', ['-e', ECHO_AGENT], 'The program: an agent of the Agent Client Protocol. This one ends every prompt at once: put yours here.'),
      WORKSPACE,
      {
        name: 'mcpServers', value: undefined, example: "[{ name: 'memory', command: 'my-mcp-server', args: [], env: [] }]",
        comment: 'MCP servers the agent connects each conversation to. Default: none.',
      },
    ]
    case 'claude-code': return [
      use,
      { name: 'command', value: 'claude', comment: "Claude Code 2: a name on PATH, or a path. Default 'claude'." },
      { name: 'inheritEnv', value: ['ANTHROPIC_API_KEY'], comment: "Names of greenroom's own variables that sessions may see. Default: none." },
      {
        name: 'folders',
        value: [{ name: 'root', value: './tenants', comment: 'Where the folders of the tenants are.' }],
        comment: 'A folder for each tenant, with its working directory, HOME, settings and transcripts. Default: none, all share those of greenroom.',
      },
      { name: 'model', value: undefined, example: "'sonnet'", comment: "The model, or an alias. Default: the program's." },
      { name: 'allowedTools', value: undefined, example: "['Read', 'Bash(git *)']", comment: 'Tools it may use without asking. Default: the harmless ones.' },
      { name: 'maxTranscript', value: '20MB', comment: "The largest conversation on disk that is resumed. Bytes, or text such as '20MB'. Default '20MB'." },
    ]
  }
}
