import { fieldsOf, invalid, readTurnMessage } from '../rpc/turn-message.ts'

const FORMS = '{ prompt } with a text or an array of content blocks, { method, params? } or { notify, params? }'

/** They choose or end the conversation, or the agent's credentials: what the driver does itself, and no caller may. */
const OURS: ReadonlySet<string> = new Set([
  'initialize', 'authenticate', 'logout',
  'session/new', 'session/load', 'session/resume', 'session/fork', 'session/close', 'session/list', 'session/delete',
])

export interface AcpMessage {
  readonly kind: 'prompt' | 'request' | 'notification'
  readonly method: string
  /** Without the session's id. */
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * Reads a message for an agent. `{ prompt }` takes `_meta` as well.
 * @throws GreenroomError `MESSAGE_INVALID` for anything of another form.
 */
export function readAcpMessage(message: unknown): AcpMessage {
  const fields = fieldsOf(message, FORMS)
  if ('prompt' in fields) return promptOf(fields)
  const { kind, method, params } = readTurnMessage(fields, FORMS)
  if (OURS.has(method)) throw invalid(`greenroom itself sends ${method}`, FORMS)
  if (Array.isArray(params)) throw invalid('params must be an object', FORMS)
  // INV 2: the conversation is the lease's own, whatever else the agent has.
  if (params && 'sessionId' in params) throw invalid('the session is that of the lease: leave out params.sessionId', FORMS)
  if (method === 'session/prompt') return promptOf({ ...params })
  return { kind, method, params: { ...params } }
}

function promptOf({ prompt, _meta, ...others }: Record<string, unknown>): AcpMessage {
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) throw invalid(`it has an unknown field ${JSON.stringify(unknownField)}`, FORMS)
  const blocks = typeof prompt === 'string' ? [{ type: 'text', text: prompt }] : prompt
  if (!Array.isArray(blocks) || blocks.length === 0 || prompt === '') throw invalid('prompt is neither a text nor content blocks', FORMS)
  return { kind: 'prompt', method: 'session/prompt', params: { prompt: blocks, ...(_meta !== undefined && { _meta }) } }
}
