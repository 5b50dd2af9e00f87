import { GreenroomError } from 'greenroom/kit'

/** The control calls that a caller may make. What begins, interrupts, ends or moves a session is the driver's own. */
export const CONTROLS = [
  'set_model', 'set_permission_mode', 'set_max_thinking_tokens', 'list_models', 'list_permission_rules',
  'mcp_status', 'mcp_reconnect', 'mcp_toggle', 'mcp_set_servers', 'get_context_usage', 'get_session_cost', 'get_usage', 'get_settings',
  'rewind_files', 'stop_task', 'get_task_output',
] as const

export type ClaudeCodeControl = (typeof CONTROLS)[number]

const FORMS = "{ prompt } with a text or an array of content blocks, or { control, … } such as { control: 'set_model', model: 'sonnet' }"

export type Message =
  | { readonly kind: 'prompt'; readonly content: string | readonly object[] }
  | { readonly kind: 'control'; readonly request: { readonly subtype: string } }

/**
 * Reads a message for Claude Code, which ends itself at a line it cannot read, and says nothing at all to content of another form.
 * @throws GreenroomError `MESSAGE_INVALID` for anything of another form.
 */
export function readMessage(message: unknown): Message {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) throw invalid('it is not an object')
  const { prompt, control, ...others } = message as Record<string, unknown>
  if (control === undefined) return { kind: 'prompt', content: contentOf(prompt, others) }
  if (prompt !== undefined) throw invalid('it has both a prompt and a control')
  if (!CONTROLS.includes(control as ClaudeCodeControl)) throw invalid(`control is ${JSON.stringify(control)}, and known are ${CONTROLS.join(', ')}`)
  if ('subtype' in others) throw invalid('a control call has no field "subtype"')
  return { kind: 'control', request: { subtype: control as string, ...others } }
}

function contentOf(prompt: unknown, others: object): string | readonly object[] {
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) throw invalid(`it has an unknown field ${JSON.stringify(unknownField)}`)
  if (typeof prompt === 'string' && prompt.trim() !== '') return prompt
  if (Array.isArray(prompt) && prompt.length > 0 && prompt.every(isBlock)) return prompt as object[]
  throw invalid('prompt is neither a text nor content blocks, each with its type')
}

function isBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

function invalid(why: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message can't be sent: ${why}. Give ${FORMS}`)
}
