import type { Field } from './fields.ts'

export const DRIVERS = ['node-repl', 'json-lines', 'json-rpc', 'mcp'] as const
export type DriverName = (typeof DRIVERS)[number]

const LINES = "require('node:readline').createInterface({ input: process.stdin })"
const ECHO_LINES = `${LINES}.on('line', (line) => console.log(line))`
const ECHO_RPC = `${LINES}.on('line', (line) => { const { id, params } = JSON.parse(line); `
  + "if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: params ?? null })) })"

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

function program(command: string, args: readonly string[], comment: string): readonly Field[] {
  return [
    { name: 'command', value: command, comment },
    { name: 'args', value: args, comment: 'Its arguments. No shell reads them.' },
    ...PLACE,
    { name: 'maxFrame', value: '64MB', comment: "The largest message taken from it. Bytes, or text such as '64MB'. Default '64MB'." },
    { name: 'concurrency', value: 1, comment: 'Requests one session works on at a time. Default 1.' },
  ]
}

/** The driver part of a config that works as it is: each starts a program that is there. */
export function driverFields(driver: DriverName): readonly Field[] {
  const use: Field = { name: 'use', value: driver, comment: 'The protocol: node-repl, json-lines, json-rpc, mcp, or the name of a driver of a plugin.' }
  switch (driver) {
    case 'node-repl': return [
      use,
      { name: 'nodeArgs', value: undefined, example: "['--max-old-space-size=256']", comment: 'Options of Node itself. Default: none.' },
      ...PLACE,
      {
        name: 'maxOutput', value: '1MB',
        comment: "The most output, and the largest value, kept of one request. Bytes, or text such as '1MB'. Default '1MB'.",
      },
    ]
    case 'json-lines': return [
      use,
      ...program('node', ['-e', ECHO_LINES], 'The program: it answers a line of JSON with a line of JSON. This one says everything back: put yours here.'),
    ]
    case 'json-rpc': return [
      use,
      ...program('node', ['-e', ECHO_RPC], 'The program: it answers JSON-RPC requests. This one answers with their params: put yours here.'),
      {
        name: 'framing', value: 'ndjson',
        comment: "How messages are told apart: 'ndjson' for one a line, 'content-length' (default) as language servers do.",
      },
    ]
    case 'mcp': return [
      use,
      ...program('npx', ['-y', '@modelcontextprotocol/server-memory'], 'The program: an MCP server over stdio. This one is fetched by npx at its first start: put yours here.'),
    ]
  }
}
