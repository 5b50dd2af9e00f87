// One tenant, many workspaces: a language server for each, the next one running before it is asked for.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createPool, type Lease } from 'greenroom'
import config, { workspaces } from './greenroom.config.ts'

interface Diagnostics {
  method: string
  params: { diagnostics: { message: string; range: { start: { line: number } } }[] }
}

const pool = await createPool(config)
const who = (workspace: string) => ({ tenant: 'acme', key: workspace })

/** Shows the server a script, as an editor does, and resolves to what is wrong with it. */
async function open(lease: Lease, uri: string, text: string): Promise<Diagnostics['params']['diagnostics']> {
  const checked = new Promise<Diagnostics>((resolve) => lease.onMessage((message) => {
    if ((message as Diagnostics).method === 'textDocument/publishDiagnostics') resolve(message as Diagnostics)
  }))
  const textDocument = { uri, languageId: 'shellscript', version: 1, text }
  await lease.request({ notify: 'textDocument/didOpen', params: { textDocument } })
  return (await checked).params.diagnostics
}

async function look(workspace: string, script: string): Promise<void> {
  await pool.use(who(workspace), async (lease) => {
    const file = join(workspaces, workspace, script)
    const uri = pathToFileURL(file).href
    const problems = await open(lease, uri, await readFile(file, 'utf8'))
    const symbols = await lease.request<{ name: string }[]>({ method: 'textDocument/documentSymbol', params: { textDocument: { uri } } })
    console.log(workspace, `(${lease.served})`, script, 'defines', symbols.map(({ name }) => name).join(', '))
    for (const { message, range } of problems) console.log(`  line ${range.start.line + 1}:`, message.split('\n', 1)[0])
  })
}

async function hover(workspace: string, script: string, line: number): Promise<void> {
  const uri = pathToFileURL(join(workspaces, workspace, script)).href
  const params = { textDocument: { uri }, position: { line: line - 1, character: 1 } }
  const lease = await pool.acquire(who(workspace))
  const answer = await lease.request<{ contents: { value: string } } | null>({ method: 'textDocument/hover', params })
  console.log(workspace, `(${lease.served})`, `line ${line}:`, JSON.stringify(answer?.contents.value))
  lease.release()
}

try {
  await pool.ready()
  await look('api', 'serve.sh')
  await look('web', 'build.sh')
  // The server of the workspace still has the document open.
  await hover('api', 'serve.sh', 8)

  console.log('\nsessions:')
  for (const { sessionId, tenant, key, status, requestCount } of pool.getSessionMetrics()) {
    console.log(' ', sessionId.padEnd(8), status.padEnd(8), tenant ? `${tenant}/${key}, ${requestCount} requests` : 'spare, belongs to nobody')
  }
} finally {
  await pool.close()
}
