import type { ChannelContext, TurnSink } from 'greenroom/kit'
import { methodNotFound } from '../rpc/rpc-error.ts'

export interface AgentRequest {
  readonly method: string
  readonly params: object | undefined
  readonly turn: TurnSink | undefined
  /** Aborted when the agent takes it back, or its prompt is cancelled. */
  readonly signal: AbortSignal
}

const PERMISSION = 'session/request_permission'

/**
 * Answers a request of the agent: by the lease's handler for its method, else a permission with "no, this once" where the agent offers
 * that, an elicitation with decline, and all others (files, terminals) with an error. A permission is answered `cancelled`, as the protocol
 * wants it, when its prompt is.
 */
export async function answerAgent(context: ChannelContext, request: AgentRequest, cancelled: AbortSignal | undefined): Promise<unknown> {
  const { method, params } = request
  const answer = await context.ask(request, defaultAnswer(method, params))
  return method === PERMISSION && cancelled?.aborted ? { outcome: { outcome: 'cancelled' } } : answer
}

function defaultAnswer(method: string, params: object | undefined): unknown {
  switch (method) {
    case PERMISSION: return refusal(params)
    case 'elicitation/create': return { action: 'decline' }
    default: return methodNotFound(method)
  }
}

/** Never `reject_always`: that is a rule, which only a person may make. */
function refusal(params: object | undefined): unknown {
  const { options } = (params ?? {}) as { options?: unknown }
  const offered = Array.isArray(options) ? (options as { kind?: unknown; optionId?: unknown }[]) : []
  const once = offered.find(({ kind }) => kind === 'reject_once')
  return { outcome: once ? { outcome: 'selected', optionId: once.optionId } : { outcome: 'cancelled' } }
}
