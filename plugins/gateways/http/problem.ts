import { isGreenroomError, type ErrorCode } from 'greenroom/kit'

/** The HTTP status of every error of a pool. 499 is what proxies log for a client that left; nobody receives it. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  ARGUMENT_INVALID: 400,
  CONFIG_INVALID: 500,
  CONFIG_NOT_FOUND: 500,
  PLUGIN_INVALID: 500,
  PLUGIN_FAILED: 500,
  PEER_MISSING: 500,
  QUEUE_FULL: 429,
  OVERLOADED: 503,
  REFUSED: 403,
  ACQUIRE_TIMEOUT: 504,
  ACQUIRE_ABORTED: 499,
  POOL_DRAINING: 503,
  POOL_CLOSED: 503,
  BREAKER_OPEN: 503,
  START_FAILED: 502,
  START_TIMEOUT: 504,
  LEASE_REVOKED: 409,
  LEASE_TIMEOUT: 504,
  SESSION_CRASHED: 502,
  SESSION_EXITED: 502,
  SESSION_SILENT: 504,
  SESSION_MEMORY_LIMIT: 502,
  SESSION_CPU_LIMIT: 502,
  SESSION_LIMIT: 502,
  SESSION_ENDED: 409,
  SESSION_BUSY: 409,
  REQUEST_TIMEOUT: 504,
  REQUEST_ABORTED: 499,
  REQUEST_FAILED: 422,
  MESSAGE_INVALID: 400,
  PROTOCOL_ERROR: 502,
  FRAME_TOO_LARGE: 502,
  SCALE_SUPERSEDED: 409,
  STRATEGY_FAILED: 500,
  STORE_FAILED: 503,
  GATEWAY_FAILED: 500,
}

/** Seconds after which trying again makes sense, for the errors where it does. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = { QUEUE_FULL: 1, OVERLOADED: 1, BREAKER_OPEN: 5, POOL_DRAINING: 5, POOL_CLOSED: 5 }

/** What goes wrong before a request reaches the pool. */
export type HttpCode =
  | 'BODY_INVALID' | 'BODY_TOO_LARGE' | 'MEDIA_TYPE_UNSUPPORTED' | 'NOT_FOUND' | 'BAD_REQUEST' | 'UNAUTHORIZED' | 'HOST_REFUSED' | 'INTERNAL'

/** Thrown by the handlers for what no {@link ErrorCode} covers. */
export class HttpProblem extends Error {
  readonly status: number
  readonly code: HttpCode

  constructor(status: number, code: HttpCode, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** An error as it is answered. `unexpected` ones are faults of the server: their text stays here and is reported instead. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly error: { readonly code: string; readonly message: string } }
  readonly unexpected: boolean
}

/** Anything that was thrown, as it is answered. */
export function toProblem(thrown: unknown): Problem {
  if (isGreenroomError(thrown)) {
    const wait = thrown.retryAfterMs === undefined ? RETRY_AFTER[thrown.code] : Math.max(1, Math.ceil(thrown.retryAfterMs / 1_000))
    const headers = wait === undefined ? {} : { 'retry-after': String(wait) }
    return { status: STATUS[thrown.code], headers, body: { error: thrown.toJSON() }, unexpected: false }
  }
  if (thrown instanceof HttpProblem) {
    const headers = thrown.status === 401 ? { 'www-authenticate': 'Bearer' } : {}
    return plain(thrown.status, thrown.code, thrown.message, headers)
  }
  const status = statusOf(thrown)
  // What the HTTP library itself refused: its text is meant for clients.
  if (status !== undefined && status >= 400 && status < 500) {
    return plain(status, CODE_OF_STATUS[status] ?? 'BAD_REQUEST', (thrown as Error).message)
  }
  return { ...plain(500, 'INTERNAL', 'the server failed to answer; what happened is in its log'), unexpected: true }
}

const CODE_OF_STATUS: Readonly<Record<number, HttpCode>> = {
  400: 'BODY_INVALID', 404: 'NOT_FOUND', 413: 'BODY_TOO_LARGE', 415: 'MEDIA_TYPE_UNSUPPORTED',
}

function plain(status: number, code: HttpCode, message: string, headers: Readonly<Record<string, string>> = {}): Problem {
  return { status, headers, body: { error: { code, message } }, unexpected: false }
}

function statusOf(thrown: unknown): number | undefined {
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
