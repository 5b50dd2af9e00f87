// What stands in for the model when there is no key: as much of the Messages API as Claude Code needs. It says again what it was told.
import { createServer } from 'node:http'

/** @typedef {{ type: string, text?: string }} Block */
/** @typedef {{ role: string, content: string | Block[] }} Message */

/** Resolves to its address and what closes it. */
export async function startModel() {
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('end', () => {
      if (!request.url?.startsWith('/v1/messages?')) return void response.writeHead(404).end('{}')
      const { model, messages } = JSON.parse(text)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of answer(model, messages)) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      return void response.end()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

/** @param {string} model @param {Message[]} messages @returns {Iterable<{ type: string }>} */
function* answer(model, messages) {
  const said = messages.filter(({ role }) => role === 'user').flatMap(textsOf).slice(0, -1)
  const text = said.length === 0 ? 'Pleased to meet you.' : `You said before: ${said.join(' / ')}`
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, usage: { input_tokens: 1, output_tokens: 1 } }
  yield /** @type {{ type: string }} */ ({ type: 'message_start', message })
  yield /** @type {{ type: string }} */ ({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
  for (const word of text.split(/(?<= )/)) yield /** @type {{ type: string }} */ ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: word } })
  yield /** @type {{ type: string }} */ ({ type: 'content_block_stop', index: 0 })
  yield /** @type {{ type: string }} */ ({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } })
  yield { type: 'message_stop' }
}

/** What the user said in a message, without the reminders that the program puts beside it. @param {Message} message */
function textsOf({ content }) {
  const texts = typeof content === 'string' ? [content] : content.map(({ text }) => text ?? '')
  return texts.map((text) => text.replaceAll(/<([a-z-]+)>[^]*?<\/\1>/g, '').trim()).filter((text) => text !== '')
}
