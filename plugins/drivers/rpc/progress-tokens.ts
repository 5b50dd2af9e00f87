import type { TurnSink } from 'greenroom/kit'
import type { Params } from './connection.ts'

interface Tracked {
  readonly sink: TurnSink
  /** The token the caller gave, and will look for. */
  readonly given: unknown
}

export interface TrackedParams {
  /** The params with a token of ours. */
  readonly params: object
  /** To be called when the turn is over. */
  readonly end: () => void
}

/** Says which turn a `notifications/progress` belongs to. Tokens are ours, because those of two callers may be the same. */
export class ProgressTokens {
  readonly #open = new Map<unknown, Tracked>()
  #last = 0

  track(params: Params, sink: TurnSink): TrackedParams {
    const token = ++this.#last
    const meta = (params as { _meta?: Record<string, unknown> } | undefined)?._meta
    this.#open.set(token, { sink, given: meta?.['progressToken'] })
    return { params: { ...params, _meta: { ...meta, progressToken: token } }, end: () => void this.#open.delete(token) }
  }

  /** Hands a progress notification to its turn. False when it belongs to none that is open. */
  report(params: Params): boolean {
    const tracked = this.#open.get((params as { progressToken?: unknown } | undefined)?.progressToken)
    if (!tracked) return false
    const progressToken = tracked.given ?? (params as { progressToken: unknown }).progressToken
    tracked.sink.event({ method: 'notifications/progress', params: { ...params, progressToken } })
    return true
  }
}
