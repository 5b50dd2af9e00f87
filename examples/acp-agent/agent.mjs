// A coding agent without a model, over the Agent Client Protocol: it streams, asks for permission, and keeps each conversation in the
// folder it works in. Any real agent takes its place: Gemini CLI (gemini --acp), Claude Code (claude-code-acp), Goose (goose acp)…
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** @typedef {{ id?: string | number, method?: string, params?: any, result?: any }} Message */

/** @type {Map<string, { file: string, said: string[] }>} */
const sessions = new Map()
/** @type {Map<unknown, (answer: Message) => void>} */
const asked = new Map()

/** @param {object} message */
const send = (message) => void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
/** @param {string} sessionId @param {object} update */
const tell = (sessionId, update) => send({ method: 'session/update', params: { sessionId, update } })
/** @param {string} sessionId @param {string} text */
const say = (sessionId, text) => {
  for (const word of text.split(/(?<= )/)) tell(sessionId, { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: word } })
}
/** @param {string} method @param {object} params @returns {Promise<Message>} */
const ask = (method, params) => {
  const id = `ask-${asked.size}`
  send({ id, method, params })
  return new Promise((resolve) => asked.set(id, resolve))
}
/** @param {string} cwd @param {string} sessionId */
const fileOf = (cwd, sessionId) => join(cwd, '.agent', `${sessionId}.json`)

/** @param {string} sessionId */
function sessionOf(sessionId) {
  const session = sessions.get(sessionId)
  if (!session) throw new Error(`no session ${sessionId}`)
  return session
}

/** @type {Record<string, (params: any) => object | Promise<object>>} */
const methods = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: { loadSession: true } }),
  'session/new': ({ cwd }) => {
    const sessionId = `${process.pid}-${sessions.size + 1}`
    sessions.set(sessionId, { file: fileOf(cwd, sessionId), said: [] })
    return { sessionId }
  },
  'session/load': ({ cwd, sessionId }) => {
    const file = fileOf(cwd, sessionId)
    sessions.set(sessionId, { file, said: JSON.parse(readFileSync(file, 'utf8')) })
    return {}
  },
  'session/prompt': async ({ sessionId, prompt: [{ text }] }) => {
    const { file, said } = sessionOf(sessionId)
    if (text.startsWith('delete ')) return { stopReason: await useTool(sessionId, text) }
    say(sessionId, said.length === 0 ? 'Pleased to meet you.' : `You said before: ${said.join(' / ')}`)
    said.push(text)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(said))
    return { stopReason: 'end_turn' }
  },
}

/** @param {string} sessionId @param {string} title */
async function useTool(sessionId, title) {
  const toolCall = { toolCallId: 'tool', title, kind: 'delete' }
  tell(sessionId, { sessionUpdate: 'tool_call', ...toolCall, status: 'pending' })
  const options = [{ optionId: 'yes', name: 'Allow', kind: 'allow_once' }, { optionId: 'no', name: 'Reject', kind: 'reject_once' }]
  const { result } = await ask('session/request_permission', { sessionId, toolCall, options })
  const allowed = result.outcome.optionId === 'yes'
  tell(sessionId, { sessionUpdate: 'tool_call_update', toolCallId: 'tool', status: allowed ? 'completed' : 'failed' })
  say(sessionId, allowed ? 'Deleted (well, it is only an example).' : 'Then I leave it.')
  return 'end_turn'
}

createInterface({ input: process.stdin }).on('line', (line) => void handle(JSON.parse(line)))

/** @param {Message} message */
async function handle(message) {
  const { id, method, params } = message
  if (method === undefined) return asked.get(id)?.(message)
  if (id === undefined) return undefined
  try {
    const answer = methods[method]
    if (!answer) return send({ id, error: { code: -32601, message: `no method ${method}` } })
    send({ id, result: await answer(params) })
  } catch (error) {
    send({ id, error: { code: -32603, message: String(error) } })
  }
}
