import type { ChannelContext, TurnSink } from 'greenroom/kit'
import { methodNotFound } from '../rpc/rpc-error.ts'
import type { WorkspaceFolder } from '../rpc/workspace.ts'

export interface ServerRequest {
  readonly method: string
  readonly params: object | undefined
  readonly turn: TurnSink | undefined
  readonly signal: AbortSignal
}

/** What the default answers are made of. */
export interface ClientState {
  readonly settings: Readonly<Record<string, unknown>> | undefined
  readonly folders: readonly WorkspaceFolder[] | undefined
}

/**
 * Answers a request of the server: by the lease's handler for its method, else as {@link defaultAnswer} says. A server may ask at any
 * time, by the protocol: nothing it asks is a leftover of somebody's.
 */
export async function answerServer(context: ChannelContext, request: ServerRequest, state: ClientState): Promise<unknown> {
  return context.ask({ ...request, harmless: true }, defaultAnswer(request.method, request.params, state))
}

/** The answer that lets any server go on, and changes nothing. */
function defaultAnswer(method: string, params: object | undefined, { settings, folders }: ClientState): unknown {
  switch (method) {
    case 'workspace/configuration': return itemsOf(params).map(({ section }) => configurationOf(settings, section))
    case 'workspace/workspaceFolders': return folders ?? null
    case 'workspace/applyEdit': return { applied: false, failureReason: 'The lease has no handler for workspace/applyEdit' }
    case 'window/showDocument': return { success: false }
    case 'client/registerCapability':
    case 'client/unregisterCapability':
    case 'window/workDoneProgress/create':
    case 'window/showMessageRequest': return null
    default: return method.startsWith('workspace/') && method.endsWith('/refresh') ? null : methodNotFound(method)
  }
}

function itemsOf(params: object | undefined): { section?: string }[] {
  const { items } = (params ?? {}) as { items?: unknown }
  return Array.isArray(items) ? (items as { section?: string }[]) : []
}

/** A section may lead into the settings by dots: `bashIde.shfmt`. None is all of them. */
function configurationOf(settings: ClientState['settings'], section: string | undefined): unknown {
  if (settings === undefined) return null
  let value: unknown = settings
  for (const name of section ? section.split('.') : []) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
  }
  return value ?? null
}
