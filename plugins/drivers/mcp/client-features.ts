import { z, type ChannelContext } from 'greenroom/kit'
import { methodNotFound, RpcError } from '../rpc/rpc-error.ts'
import type { Turns } from '../rpc/turns.ts'

/** The protocol's code for a user who says no. */
const REJECTED = -1

const announced = z.union([z.boolean(), z.record(z.string(), z.unknown())]).default(false)

/** What a server may ask of its client, and what it is told that it may ask. */
export const clientFeatureOptions = {
  capabilities: z.strictObject({
    sampling: announced.describe('Handlers answer sampling/createMessage. Default false.'),
    elicitation: announced.describe('Handlers answer elicitation/create. Default false.'),
    roots: announced.describe('roots/list is answered, by a handler or with the option roots. Default: whether that option is given.'),
  }).prefault({})
    .describe("What the server is told it may ask for: true, or the protocol's own object for it. Default: only roots, where they are given."),
  roots: z
    .array(z.strictObject({
      uri: z.string().min(1).describe('Where it is: a file: URL.'),
      name: z.string().optional().describe('What to call it to people.'),
    }))
    .readonly()
    .default([])
    .describe("The default answer to roots/list, such as [{ uri: 'file:///srv/work' }]. Default: none."),
}

export type ClientFeatures = z.output<z.ZodObject<typeof clientFeatureOptions>>

/** The client capabilities as `initialize` sends them. */
export function clientCapabilities({ capabilities, roots }: ClientFeatures): Record<string, object> {
  const { sampling, elicitation, roots: announcedRoots } = capabilities
  return {
    ...(sampling && { sampling: sampling === true ? {} : sampling }),
    ...(elicitation && { elicitation: elicitation === true ? {} : elicitation }),
    ...((announcedRoots || roots.length > 0) && { roots: typeof announcedRoots === 'object' ? announcedRoots : { listChanged: true } }),
  }
}

/**
 * Answers a request of the server: by the lease's handler for its method, else `ping` with {}, `roots/list` with the configured roots,
 * `elicitation/create` with decline, and the others with an error.
 */
export async function answerServer(
  context: ChannelContext, turns: Turns, { roots }: ClientFeatures, method: string, params: object | undefined, signal: AbortSignal,
): Promise<unknown> {
  if (method === 'ping') return {}
  // A server asks for roots when it likes, at its start to begin with.
  const question = { method, params, turn: turns.asking, harmless: method === 'roots/list', signal }
  switch (method) {
    case 'roots/list': return context.ask(question, { roots })
    case 'elicitation/create': return context.ask(question, { action: 'decline' })
    case 'sampling/createMessage': return context.ask(question, new RpcError(REJECTED, 'The lease has no handler for sampling/createMessage'))
    default: return context.ask(question, methodNotFound(method))
  }
}
