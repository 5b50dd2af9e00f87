import type { ClaudeCodeOptions } from './options.ts'

/** The command line: the stream protocol, then what the options say. `resume` is the conversation it begins with. */
export function argumentsOf(options: ClaudeCodeOptions, resume: string | undefined): string[] {
  const { model, permissionMode, allowedTools, disallowedTools, systemPrompt, appendSystemPrompt, mcpConfig, partialMessages, args } = options
  return [
    '-p', '--input-format=stream-json', '--output-format=stream-json', '--verbose', '--permission-prompt-tool=stdio',
    ...(partialMessages ? ['--include-partial-messages'] : []),
    ...single('model', model),
    ...single('permission-mode', permissionMode),
    ...single('system-prompt', systemPrompt),
    ...single('append-system-prompt', appendSystemPrompt),
    ...single('mcp-config', typeof mcpConfig === 'object' ? JSON.stringify(mcpConfig) : mcpConfig),
    ...list('allowed-tools', allowedTools),
    ...list('disallowed-tools', disallowedTools),
    ...single('resume', resume),
    ...args,
  ]
}

/** In one argument, so that a value that begins with a dash is none. */
function single(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`]
}

function list(name: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`--${name}`, ...values]
}
