import { GreenroomError, isGreenroomError } from 'greenroom/kit'
import type { RpcConnection } from '../rpc/connection.ts'
import { shakeHands } from '../rpc/handshake.ts'
import type { AcpOptions } from './options.ts'

const PROTOCOL_VERSION = 1
/** The protocol's code for "authenticate first". */
const AUTH_REQUIRED = -32000

/** What of the agent's answer to `initialize` the driver goes by. */
export interface Agent {
  /** Restores a conversation, and tells it all again. */
  readonly loads: boolean
  /** Restores a conversation without that. */
  readonly resumes: boolean
  readonly closes: boolean
  /** The ids of its ways to authenticate. */
  readonly authMethods: readonly string[]
}

interface InitializeAnswer {
  protocolVersion?: unknown
  agentCapabilities?: { loadSession?: unknown; sessionCapabilities?: { resume?: unknown; close?: unknown } | null }
  authMethods?: { id?: unknown }[]
}

/**
 * Initializes an agent, and has it authenticate itself where the options say how.
 * @throws GreenroomError `START_FAILED` when it refuses or speaks another version.
 */
export async function initialize(connection: RpcConnection, options: AcpOptions, clientInfo: object, signal: AbortSignal): Promise<Agent> {
  const clientCapabilities = { fs: { readTextFile: false, writeTextFile: false }, terminal: false, ...options.capabilities }
  const hello = { protocolVersion: PROTOCOL_VERSION, clientCapabilities, clientInfo }
  const answer = ((await shakeHands(connection, 'initialize', hello, signal)) ?? {}) as InitializeAnswer
  if (answer.protocolVersion !== PROTOCOL_VERSION) {
    const spoken = JSON.stringify(answer.protocolVersion)
    throw new GreenroomError('START_FAILED', `The agent wants version ${spoken} of the protocol; known is ${PROTOCOL_VERSION}`)
  }
  if (options.authenticate) await shakeHands(connection, 'authenticate', options.authenticate, signal)
  const { loadSession, sessionCapabilities } = answer.agentCapabilities ?? {}
  return {
    loads: loadSession === true,
    resumes: Boolean(sessionCapabilities?.resume),
    closes: Boolean(sessionCapabilities?.close),
    authMethods: (Array.isArray(answer.authMethods) ? answer.authMethods : []).map(({ id }) => String(id)),
  }
}

/** What says more than an agent's "authenticate first"; other errors stay as they are. */
export function explainRefusal(error: unknown, { authMethods }: Agent): unknown {
  const isAuth = isGreenroomError(error, 'REQUEST_FAILED') && (error.details as { code?: unknown }).code === AUTH_REQUIRED
  if (!isAuth) return error
  const known = authMethods.length === 0 ? 'it names no method' : `it knows ${authMethods.join(', ')}`
  const what = `give it its credentials, or set the driver's option authenticate (${known})`
  const text = `The agent wants to authenticate first: ${what}. ${error.message}`
  return new GreenroomError('REQUEST_FAILED', text, { cause: error, details: error.details })
}
