/** Every code a {@link GreenroomError} can carry, with when it is raised and what to do about it. */
export const ERROR_CODES = {
  ARGUMENT_INVALID: 'A call was given a value it cannot take. Correct the call.',
  CONFIG_INVALID: 'The configuration has a field or value that is not allowed. The message lists every one, and what is known.',
  CONFIG_NOT_FOUND: 'No configuration file is where one was looked for. Create one with `greenroom init`.',
  PLUGIN_INVALID: 'A plugin is malformed, used twice, or requires one that is not there.',
  PLUGIN_FAILED: "A plugin's apply, or the creation of a strategy, threw or missed its deadline. The cause is attached.",
  PEER_MISSING: 'A plugin needs an optional package that is not installed. The message has the command that installs it.',
  QUEUE_FULL: 'As many callers wait as `queue.max` allows. Retry later, or raise size.max or queue.max.',
  OVERLOADED: 'The admission strategy lets nobody in at the moment: too many are being served or wait. Retry later; `retryAfterMs` says when that makes sense.',
  REFUSED: "A plugin's `admit` hook refused the acquire. The plugin's reason is in the message.",
  ACQUIRE_TIMEOUT: 'No session came free within the acquire time-out. See the totals in the error; the cause holds the last failed start, if any.',
  ACQUIRE_ABORTED: "The caller's signal was aborted while it waited.",
  POOL_DRAINING: 'The pool is draining and admits nobody new.',
  POOL_CLOSED: 'The pool is closed, or was closed while the caller waited.',
  BREAKER_OPEN: 'Too many starts or sessions failed in a row: no process is started until the back-off is over. The cause holds the last failure.',
  START_FAILED: "The session's program could not be started, or ended or spoke wrongly before it was ready.",
  START_TIMEOUT: 'The session was not ready within timeouts.start.',
  LEASE_REVOKED: 'The lease is over (released, destroyed or taken back): its handle can do nothing any more.',
  LEASE_TIMEOUT: 'The lease lasted longer than timeouts.active and was taken back.',
  SESSION_CRASHED: 'The session ended unexpectedly. Exit code, signal and the last lines of stderr are in the error. The request was not replayed.',
  SESSION_EXITED: 'The session ended by itself with exit code 0 while a request was in flight.',
  SESSION_SILENT: 'The session said nothing for timeouts.silence while it should have been working.',
  SESSION_MEMORY_LIMIT: 'The session went over its hard memory limit and was ended.',
  SESSION_CPU_LIMIT: 'The session used more CPU than limits.cpu allows, for too long, and was ended.',
  SESSION_LIMIT: 'The session went over another of its limits (processes, output, or one of a plugin) and was ended. `limit` has the figures.',
  SESSION_ENDED: 'The session was ended on purpose (closeWhere, scale, shutdown) while it was leased.',
  SESSION_BUSY: "The session is still working on this lease's earlier request. Await it, or open another lease.",
  REQUEST_TIMEOUT: 'The request was not answered within its time-out.',
  REQUEST_ABORTED: "The caller's signal was aborted during the request.",
  REQUEST_FAILED: 'The program answered the request with an error; it is attached as `details`.',
  MESSAGE_INVALID: 'The message is not of the form the driver takes. Nothing was sent.',
  PROTOCOL_ERROR: "The program broke the driver's protocol; the session was ended.",
  FRAME_TOO_LARGE: 'A message is larger than maxFrame allows; the session that sent it was ended.',
  SCALE_SUPERSEDED: 'A later scale(), autoScale() or reconfigure() replaced this one before its size was reached.',
  STRATEGY_FAILED: 'A strategy or deciding hook threw, or returned what it may not. What it was asked for was refused.',
  STORE_FAILED: 'The store of parked sessions could not be opened, read or written. The message says what is wrong with it and what to do.',
  GATEWAY_FAILED: 'The server could not be started (address in use, not permitted, no token).',
} as const satisfies Record<string, string>

/** A stable, documented error code. */
export type ErrorCode = keyof typeof ERROR_CODES

/** What the pool looked like when the error was made. */
export interface PoolFacts {
  /** Live processes, also starting and ending ones. */
  total: number
  active: number
  idle: number
  waiting: number
}

/** Which limit a session went over, and by how much. The unit is that of the limit: bytes, percent of one core, processes. */
export interface LimitFacts {
  /** The field of the configuration that holds the limit, such as `limits.memory.hard`. */
  name: string
  used: number
  allowed: number
}

export interface GreenroomErrorOptions {
  cause?: unknown
  pool?: PoolFacts
  /** How the process ended, where one did. */
  exit?: { code: number | null; signal: string | null; stderr: string }
  sessionId?: string
  limit?: LimitFacts
  /** After how long trying again makes sense, in milliseconds. */
  retryAfterMs?: number
  /** What the program itself said, e.g. a JSON-RPC error object. */
  details?: unknown
}

/** The one error class of greenroom. Branch on `code`; it is stable, the message is for people. */
export class GreenroomError extends Error {
  override readonly name = 'GreenroomError'
  readonly code: ErrorCode
  readonly pool?: PoolFacts
  readonly exit?: { code: number | null; signal: string | null; stderr: string }
  readonly sessionId?: string
  /** Set when a limit ended the session. */
  readonly limit?: LimitFacts
  /** After how long trying again makes sense, in milliseconds; where that can be told. */
  readonly retryAfterMs?: number
  readonly details?: unknown

  constructor(code: ErrorCode, message: string, options: GreenroomErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    if (options.pool) this.pool = options.pool
    if (options.exit) this.exit = options.exit
    if (options.sessionId !== undefined) this.sessionId = options.sessionId
    if (options.limit) this.limit = options.limit
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
    if ('details' in options) this.details = options.details
  }

  /** What crosses a process or network border: no stack, no cause chain, nothing of other sessions. */
  toJSON(): {
    code: ErrorCode; message: string; exit?: unknown; pool?: PoolFacts; sessionId?: string; limit?: LimitFacts; retryAfterMs?: number; details?: unknown
  } {
    return {
      code: this.code,
      message: this.message,
      ...(this.exit && { exit: this.exit }),
      ...(this.pool && { pool: this.pool }),
      ...(this.sessionId !== undefined && { sessionId: this.sessionId }),
      ...(this.limit && { limit: this.limit }),
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
      ...(this.details !== undefined && { details: this.details }),
    }
  }
}

/** True for a {@link GreenroomError}, of any copy of the package, optionally of one code. */
export function isGreenroomError(error: unknown, code?: ErrorCode): error is GreenroomError {
  return error instanceof Error && error.name === 'GreenroomError' && (code === undefined || (error as GreenroomError).code === code)
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
