import {
  commandCapabilities, commandSpec, definePlugin,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec, type z,
} from 'greenroom/kit'
import { argumentsOf } from './claude-code/arguments.ts'
import { ClaudeCodeChannel } from './claude-code/channel.ts'
import { options, type ClaudeCodeOptions } from './claude-code/options.ts'
import { conversationOf } from './claude-code/transcript.ts'

export type { ClaudeCodeControl } from './claude-code/message.ts'

declare module 'greenroom/kit' {
  interface DriverOptions {
    'claude-code': z.input<typeof options>
  }
}

/** The last message of a prompt. */
export interface ClaudeCodeResult {
  readonly type: 'result'
  readonly subtype: string
  readonly session_id: string
  /** The last text of the answer. */
  readonly result?: string
  readonly is_error: boolean
  readonly num_turns: number
  readonly total_cost_usd?: number
  readonly [more: string]: unknown
}

/**
 * A message of a prompt before its last, as the program has it: `assistant`, `user` (results of tools), `stream_event` (an answer as it is
 * made), `system`.
 */
export interface ClaudeCodeEvent {
  readonly type: string
  readonly subtype?: string
  readonly message?: { readonly role: string; readonly content: string | readonly { readonly type: string; readonly [more: string]: unknown }[] }
  readonly event?: { readonly type: string; readonly [more: string]: unknown }
  readonly [more: string]: unknown
}

/** What the handler of `can_use_tool` is asked. */
export interface ClaudeCodePermission {
  readonly tool_name: string
  readonly input: Readonly<Record<string, unknown>>
  readonly tool_use_id: string
  readonly [more: string]: unknown
}

/**
 * Claude Code in its stream protocol. `{ prompt }` gives {@link ClaudeCodeEvent}s and a {@link ClaudeCodeResult}, `{ control }` makes one of
 * its control calls. Whether it may use a tool is asked of the lease's handler for `can_use_tool`; without one it may not. A conversation is
 * parked as its id and resumed by a process that is started with it. Its reset removes the conversation and nothing else.
 */
class ClaudeCode implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: ClaudeCodeOptions

  constructor(given: ClaudeCodeOptions) {
    this.capabilities = { ...commandCapabilities(given), resetGuarantees: ['conversation'], resumesAtSpawn: true }
    const env = {
      // A pool's program is the one it was tested with, whoever else uses it.
      DISABLE_AUTOUPDATER: '1',
      ...(!given.backgroundTasks && { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1' }),
      ...given.env,
    }
    this.#options = { ...given, env }
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    const spec = commandSpec(this.#options, birth)
    const conversation = birth?.token === undefined ? undefined : conversationOf(birth.token, spec, this.#options.maxTranscript)
    return { ...spec, args: argumentsOf(this.#options, conversation) }
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return ClaudeCodeChannel.open(child, context, this.#options)
  }
}

export default definePlugin({
  name: 'claude-code',
  apply(kernel) {
    kernel.strategy('driver', 'claude-code', {
      description: 'Claude Code, by its stream protocol.',
      options,
      create: (given) => new ClaudeCode(given),
    })
  },
})
