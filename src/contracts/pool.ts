import type { Reconfiguration } from './config.ts'
import type { Decision } from './decision.ts'
import type { Duration } from './units.ts'
import type { SessionState, SessionView } from './session.ts'

/** The tenant of callers who name none. */
export const DEFAULT_TENANT = 'default'

export interface AcquireOptions {
  /** Whose session it will be. Default `'default'`. With isolation 'tenant' no session ever serves two tenants. */
  tenant?: string
  /** A name for the session: the same key of the same tenant comes back to the same session. None: a one-off. */
  key?: string
  /** Higher is served first, by queues that know priorities. Default 0. */
  priority?: number
  /** Gives up waiting when aborted. */
  signal?: AbortSignal
  /** How long to wait at most; default `timeouts.acquire`. */
  timeout?: Duration
  /** Answers requests of the session itself, by method; see `Lease.handle`. They are there before the lease is. */
  handlers?: Readonly<Record<string, RequestHandler>>
}

/** Answers a request of the session: the value, or a promise of it, goes back to the program; what it throws goes back as an error. */
export type RequestHandler<Params = never, Answer = unknown> = (params: Params, context: { method: string; signal: AbortSignal }) => Answer | Promise<Answer>

export interface RequestOptions {
  /** Ends the request when aborted: the caller gets `REQUEST_ABORTED` at once, the program is asked to stop. */
  signal?: AbortSignal
  /** Time for the whole answer. Default: no other bound than `timeouts.active` and `timeouts.silence`. */
  timeout?: Duration
}

/** How an acquire was served. Only `started` had to wait for a process to start. */
export type Served = 'same-key' | 'same-tenant' | 'spare' | 'resumed' | 'started'

/** The messages of one turn, in order, the terminal one last. Leaving the loop early asks the program to stop. */
export interface TurnStream<T = unknown> extends AsyncIterable<T> {
  /** The terminal message; rejects as the loop would. Asked for without a loop, the messages before it are thrown away. */
  readonly result: Promise<unknown>
}

/**
 * The right to use one session. Over after `release()` or `destroy()`, and when it is taken back (deadline, crash, close):
 * from then on every call throws or rejects with `LEASE_REVOKED`, or with the reason it was taken back.
 */
export interface Lease extends AsyncDisposable {
  readonly sessionId: string
  /** With `sessionId` names this lease for ever: it grows with every lease of the session. */
  readonly generation: number
  readonly tenant: string
  readonly key: string | undefined
  readonly served: Served
  /** Aborted, with the reason, when the lease is over. */
  readonly signal: AbortSignal
  /** Sends one message and resolves to its terminal answer. */
  request<T = unknown>(message: unknown, options?: RequestOptions): Promise<T>
  /** Sends one message and gives all that comes back. Nothing is sent before the first look at the stream or its result. */
  stream<T = unknown>(message: unknown, options?: RequestOptions): TurnStream<T>
  /** Called for messages that belong to no request. */
  onMessage(listener: (message: unknown) => void): void
  /**
   * Answers requests of the session itself (a permission prompt, a file to read), by their method in the protocol; '*' answers those that
   * have no handler of their own. Without a handler, or after `timeouts.answer`, the driver gives its default answer (it says which).
   */
  handle<Params = unknown>(method: string, handler: RequestHandler<Params>): void
  /** Gives the session back. Safe to call again. */
  release(): void
  /** Gives the session back to be ended, because the caller does not trust it any more. */
  destroy(reason?: string): void
}

/** Figures in milliseconds of what happened in the last minutes; a figure is absent until something was measured. */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
}

export interface PoolStats {
  /** Live processes, also starting and ending ones: what counts against `size.max`. */
  size: number
  activeSessions: number
  idleSessions: number
  starting: number
  /** Between a release and being offered again. */
  settling: number
  /** Being probed. */
  checking: number
  ending: number
  /** Keys whose state is in the store. */
  parked: number
  /** Callers waiting. */
  waiting: number
  /** Bytes, over the measured sessions; absent when none is measured. */
  memoryUsage?: number
  /** Percent of one core, over the measured sessions; absent when none is measured. */
  cpuUsage?: number
  /** How many sessions the two figures above cover. */
  measuredSessions: number
  /** Requests that reached their answer per second, over the last ten seconds. */
  throughputRps: number
  acquires: { sameKey: number; sameTenant: number; spare: number; resumed: number; started: number }
  /** Share (0–1) of acquires served without a start in the caller's way; absent before the first. */
  reuseRatio?: number
  requests: number
  /** Processes started since the pool was made. */
  started: number
  crashes: number
  /** Acquires that were refused or gave up. */
  refusals: number
  wait?: Percentiles
  start?: Percentiles
  request?: Percentiles
  scaling: { automatic: boolean; target: number; reason: string }
  breaker: 'closed' | 'open' | 'half-open'
  state: 'open' | 'draining' | 'closed'
  /** `affordable`: as many sessions as `size.memory` carries, by what they use now; absent without a budget. */
  limits: { min: number; max: number; spare: number; affordable?: number }
}

export interface SessionMetrics {
  sessionId: string
  pid?: number
  startTime: Date
  /** Absent until its first lease. */
  lastUsed?: Date
  requestCount: number
  /** Bytes; absent when not measured (yet). */
  memoryUsage?: number
  /** Percent of one core; absent when not measured (yet). */
  cpuUsage?: number
  status: SessionState
  tenant?: string
  key?: string
}

export interface Pool extends AsyncDisposable {
  /** Resolves to a lease of the right session. Rejects with a GreenroomError that says why not. */
  acquire(options?: AcquireOptions): Promise<Lease>
  /** Acquires, runs `work`, and always releases. */
  use<T>(options: AcquireOptions, work: (lease: Lease) => Promise<T> | T): Promise<T>
  use<T>(work: (lease: Lease) => Promise<T> | T): Promise<T>
  /** One request on a session acquired for it. `timeout` bounds the waiting and the request together. */
  request<T = unknown>(message: unknown, options?: AcquireOptions): Promise<T>
  /** Resolves when `size.min` sessions are ready; rejects with the cause when the breaker opens first. */
  ready(): Promise<void>
  /**
   * Sets the size by hand, within size.min and size.max, and turns automatic scaling off. Resolves when it is reached; rejects with
   * `BREAKER_OPEN` when starts keep failing.
   */
  scale(size: number): Promise<void>
  /** Turns automatic scaling on or off. Off keeps the size of this moment. */
  autoScale(on: boolean): void
  /**
   * Starts more spares, as far as size.max allows. Resolves, when they are ready or have failed, to how many were added; rejects with
   * `BREAKER_OPEN` when nothing is started for the moment. `tenant` says for whom, where sessions are bound at their spawn; default: for the
   * tenants that called last.
   */
  warm(count: number, options?: { tenant?: string }): Promise<number>
  /**
   * Changes strategies, sizes and time-outs while sessions live, leases last and callers wait: none of them is lost. All of it changes in one turn,
   * or, when any of it is wrong, nothing. Resolves when it has. Time-outs count for what begins from then on; a smaller `size.max` ends idle sessions
   * at once and others as they are released; a new strategy begins without what the old one had learned.
   *
   * Rejects with `CONFIG_INVALID` (a field that cannot change is named), and what making a strategy rejects with.
   */
  reconfigure(changes: Reconfiguration): Promise<void>
  /** Ends every session the predicate is true of, leased ones too (their leases get `SESSION_ENDED`). Resolves, when they are gone, to their number. */
  closeWhere(predicate: (session: SessionView) => boolean): Promise<number>
  getPoolStats(): PoolStats
  getSessionMetrics(): SessionMetrics[]
  /** The last decisions and their reasons, oldest first. */
  decisions(): Decision[]
  /** Admits nobody new; resolves when everybody who waited has been served and every lease is over. */
  drain(): Promise<void>
  /** Admits nobody new, lets leases finish for `grace` (default: timeouts.close), ends every process, and resolves when none is left. Never rejects. */
  close(options?: { grace?: Duration }): Promise<void>
}
