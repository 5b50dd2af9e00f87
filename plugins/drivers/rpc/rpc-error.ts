import { messageOf } from 'greenroom/kit'

/** Codes of JSON-RPC 2.0, and the one that language servers and coding agents use for a request that was taken back. */
export const METHOD_NOT_FOUND = -32601
export const INTERNAL_ERROR = -32603
export const REQUEST_CANCELLED = -32800

/** What goes to the program as the error of its request. */
export interface ErrorObject {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** An error answer to a request of the program. Handlers may throw any error that has a numeric `code`: it counts as one. */
export class RpcError extends Error implements ErrorObject {
  override readonly name = 'RpcError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export function methodNotFound(method: string): RpcError {
  return new RpcError(METHOD_NOT_FOUND, `${method} is not answered: the lease has no handler for it`)
}

/** The error object for what a handler threw. Errors without a numeric code are internal ones. */
export function errorObjectOf(thrown: unknown): ErrorObject {
  const { code, data } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as { code?: unknown; data?: unknown }
  const known = typeof code === 'number' && Number.isInteger(code)
  return { code: known ? code : INTERNAL_ERROR, message: messageOf(thrown), ...(known && data !== undefined && { data }) }
}
