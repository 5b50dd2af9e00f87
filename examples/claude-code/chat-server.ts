import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isGreenroomError, type Pool } from 'greenroom'
import type { ClaudeCodeEvent } from 'greenroom/plugins/drivers/claude-code'

/** `POST /<user>/<conversation>` with a text streams the answer. (Who the user is would be found out by a login.) */
export function chatServer(pool: Pool): Server {
  return createServer((request, response) => void chat(pool, request, response))
}

async function chat(pool: Pool, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, tenant = '', key = ''] = (request.url ?? '').split('/')
  const gone = new AbortController()
  response.on('close', () => gone.abort(new Error('The user has gone')))
  try {
    const prompt = await textOf(request)
    await pool.use({ tenant, key, signal: gone.signal }, async (lease) => {
      response.setHeader('x-served', lease.served)
      for await (const { event } of lease.stream<ClaudeCodeEvent>({ prompt }, { signal: gone.signal })) {
        const { text } = (event?.['delta'] ?? {}) as { text?: string }
        if (text !== undefined) response.write(text)
      }
    })
  } catch (error) {
    if (!response.headersSent) response.statusCode = isGreenroomError(error, 'QUEUE_FULL') || isGreenroomError(error, 'ACQUIRE_TIMEOUT') ? 503 : 500
    response.write(isGreenroomError(error) ? `${error.code}: ${error.message}` : String(error))
  }
  response.end()
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
