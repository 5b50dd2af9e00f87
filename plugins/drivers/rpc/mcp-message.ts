import { fieldsOf, invalid, readTurnMessage, type TurnMessage } from './turn-message.ts'

const FORMS = "{ method, params? }, { tool, arguments? }, { list: 'tools' | 'prompts' | 'resources' } or { notify, params? }"
const LISTS: readonly unknown[] = ['tools', 'prompts', 'resources']

/**
 * Reads a message for an MCP server: a request or notification by its method, or the short forms of tools/call and of the lists.
 * @throws GreenroomError `MESSAGE_INVALID` for anything else.
 */
export function readMcpMessage(message: unknown): TurnMessage {
  const fields = fieldsOf(message, FORMS)
  if ('tool' in fields) return toolCall(fields)
  if ('list' in fields) return list(fields)
  const read = readTurnMessage(fields, FORMS)
  if (Array.isArray(read.params)) throw invalid('params must be an object', FORMS)
  const meta = (read.params as { _meta?: unknown } | undefined)?._meta
  if (meta !== undefined && (typeof meta !== 'object' || meta === null)) throw invalid('params._meta must be an object', FORMS)
  return read
}

function toolCall({ tool, arguments: given, ...others }: Record<string, unknown>): TurnMessage {
  if (typeof tool !== 'string' || tool === '') throw invalid('tool must be a name', FORMS)
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (given !== undefined && !isObject) throw invalid('arguments must be an object', FORMS)
  refuse(others)
  return { kind: 'request', method: 'tools/call', params: given === undefined ? { name: tool } : { name: tool, arguments: given } }
}

function list({ list: what, ...others }: Record<string, unknown>): TurnMessage {
  if (!LISTS.includes(what)) throw invalid(`list must be one of ${LISTS.join(', ')}`, FORMS)
  refuse(others)
  return { kind: 'request', method: `${String(what)}/list`, params: undefined }
}

function refuse(others: Record<string, unknown>): void {
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) throw invalid(`it has an unknown field ${JSON.stringify(unknownField)}`, FORMS)
}
