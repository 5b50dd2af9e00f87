// Starts `greenroom serve`, uses it as any program with an HTTP client would, and stops it with Ctrl-C's signal.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../dist/src/cli/bin.js', import.meta.url))
const server = spawn(process.execPath, [cli, 'serve', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'], cwd: fileURLToPath(new URL('.', import.meta.url)) })
const exited = once(server, 'exit')
const lines = createInterface({ input: server.stdout })

try {
  const url = await addressIn(lines)
  lines.on('line', (line) => console.log('server:', line))

  const answer = await post(url, { tenant: 'ada', key: 'k', message: { code: 'globalThis.x = 41; x + 1' } })
  console.log('\none answer:', await answer.json())

  console.log('\na stream of events:')
  const code = "for (const n of [3, 2, 1]) console.log(n); 'lift-off'"
  const events = await post(url, { tenant: 'ada', key: 'k', message: { code } }, 'text/event-stream')
  for await (const line of linesOf(events)) if (line) console.log(' ', line)

  const refused = await post(url, { tenant: 'ada', messige: {} })
  console.log('\na mistake:', refused.status, await refused.json(), '\n')
} finally {
  server.kill('SIGINT')
  await exited
}

function post(url: string, body: object, accept = 'application/json'): Promise<Response> {
  return fetch(`${url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json', accept }, body: JSON.stringify(body) })
}

async function addressIn(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const found = /http:\/\/[\w.:[\]-]+\d/.exec(line)
    if (found) return found[0]
  }
  throw new Error('the server ended without saying its address')
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    yield* lines
  }
}
