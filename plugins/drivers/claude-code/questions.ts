import type { ChannelContext, TurnSink } from 'greenroom/kit'
import type { Fields } from './connection.ts'

const NOBODY = Symbol('no answer')
const DENIED = { behavior: 'deny', message: 'Nobody was there to allow it, so it is denied.' }

/**
 * Answers a control request of the program by the lease's handler for its name (`can_use_tool`, `hook_callback`, `mcp_message`…). A
 * permission that nobody grants is denied; of all else the program is told that it has no answer.
 */
export async function answerProgram(context: ChannelContext, request: Fields, turn: TurnSink | undefined, signal: AbortSignal): Promise<unknown> {
  const { subtype, ...params } = request
  const method = String(subtype)
  const isPermission = method === 'can_use_tool'
  const answer = await context.ask({ method, params, turn, signal }, isPermission ? DENIED : NOBODY)
  if (answer === NOBODY) throw new Error(`${method} is not answered: the lease has no handler for it`)
  return isPermission ? permissionOf(answer, params) : answer
}

/** What the program wants to hear. A grant without other input is one for the input that was asked about. */
function permissionOf(answer: unknown, { input }: Fields): object {
  const { behavior, ...more } = (answer ?? {}) as { behavior?: unknown }
  if (behavior === 'allow') return { updatedInput: input, ...more, behavior }
  if (behavior === 'deny') return { message: DENIED.message, ...more, behavior }
  throw new Error("the handler of can_use_tool gave neither { behavior: 'allow' } nor { behavior: 'deny', message }")
}
