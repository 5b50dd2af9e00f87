import type { Clock, Decision, PoolStats, SessionMetrics } from '../contracts/index.ts'
import { messageOf } from '../contracts/index.ts'
import { readEvents } from './read-events.ts'

/** How long a server may take to say anything at all. It answers figures at once, and long requests with heartbeats. */
const ANSWER_MS = 10_000

/** What a server answered instead of what was asked for. `code` is an ErrorCode, or one of the gateway's own. */
export class RemoteError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** What `SessionMetrics` are when they come as JSON. */
export type RemoteSession = Omit<SessionMetrics, 'startTime' | 'lastUsed'> & { startTime: string; lastUsed?: string }

export interface RemoteAnswer {
  readonly result: unknown
}

export interface RemoteRequest {
  readonly tenant?: string
  readonly key?: string
  readonly message: unknown
  readonly timeout?: number
}

/** A greenroom server, seen from the command line. */
export class Client {
  readonly #url: string
  readonly #token: string | undefined
  readonly #clock: Clock

  constructor(url: string, token: string | undefined, clock: Clock) {
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
    this.#clock = clock
  }

  stats(): Promise<PoolStats> {
    return this.#get<PoolStats>('/v1/stats')
  }

  async sessions(): Promise<RemoteSession[]> {
    return (await this.#get<{ sessions: RemoteSession[] }>('/v1/sessions')).sessions
  }

  async decisions(): Promise<Decision[]> {
    return (await this.#get<{ decisions: Decision[] }>('/v1/decisions')).decisions
  }

  /**
   * One request. It is always asked for as a stream, whose heartbeats carry it over any time-out for silent connections
   * on the way; `onMessage` hears of all but the last message.
   */
  async request(body: RemoteRequest, onMessage: (message: unknown) => void, signal: AbortSignal): Promise<unknown> {
    const response = await this.#fetch('/v1/requests', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(body),
      signal,
    })
    try {
      for await (const { event, data } of readEvents(response.body!)) {
        if (event === 'message') onMessage(data)
        else if (event === 'result') return (data as RemoteAnswer).result
        else if (event === 'error') throw remoteError(data, response.status)
      }
    } catch (error) {
      throw error instanceof RemoteError ? error : this.#lost(error)
    }
    throw this.#lost(new Error('the stream ended without a result'))
  }

  async #get<T>(path: string): Promise<T> {
    const controller = new AbortController()
    const timer = this.#clock.setTimer(() => controller.abort(new Error(`no answer within ${ANSWER_MS / 1_000} s`)), ANSWER_MS)
    try {
      const response = await this.#fetch(path, { signal: controller.signal })
      return await response.json() as T
    } finally {
      timer.cancel()
    }
  }

  async #fetch(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const headers = { ...init.headers, ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }) }
    const response = await fetch(this.#url + path, { ...init, headers }).catch((error: unknown) => {
      throw this.#lost(error)
    })
    if (!response.ok) throw remoteError(await response.json().catch(() => undefined), response.status)
    return response
  }

  #lost(error: unknown): Error {
    // fetch hides the reason (ECONNREFUSED…) in its cause.
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const advice = 'is the server running there? `greenroom serve` starts one'
    return new Error(`cannot talk to ${this.#url} (${messageOf(reason) || 'no connection'}): ${advice}`, { cause: error })
  }
}

function remoteError(body: unknown, status: number): RemoteError {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | undefined)?.error
  if (typeof error?.code === 'string' && typeof error.message === 'string') return new RemoteError(error.code, error.message)
  return new RemoteError(`HTTP_${status}`, `the server answered with status ${status}, and not as a greenroom server does: check the address`)
}
