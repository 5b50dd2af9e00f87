import type { TurnSink } from 'greenroom/kit'
import type { Params } from '../rpc/connection.ts'

const FIELDS = ['workDoneToken', 'partialResultToken'] as const

interface Tracked {
  readonly sink: TurnSink
  /** The token the caller gave, and will look for. */
  readonly given: unknown
}

/** Says which turn a `$/progress` belongs to. Tokens are ours, because those of two callers may be the same. */
export class WorkTokens {
  readonly #open = new Map<unknown, Tracked>()
  #last = 0

  /** The params with tokens of ours in the place of the caller's. `end` is to be called when the turn is over. */
  track(params: Params, sink: TurnSink): { params: Params; end: () => void } {
    const tokens: string[] = []
    const ours: Record<string, string> = {}
    for (const field of FIELDS) {
      const given = (params as Record<string, unknown> | undefined)?.[field]
      if (given === undefined) continue
      const token = `greenroom-${++this.#last}`
      this.#open.set(token, { sink, given })
      tokens.push(ours[field] = token)
    }
    const end = (): void => tokens.forEach((token) => this.#open.delete(token))
    return { params: tokens.length === 0 ? params : { ...params, ...ours }, end }
  }

  /** Hands a `$/progress` to its turn. False when it belongs to none that is open. */
  report(params: Params): boolean {
    const tracked = this.#open.get((params as { token?: unknown } | undefined)?.token)
    if (!tracked) return false
    tracked.sink.event({ method: '$/progress', params: { ...params, token: tracked.given } })
    return true
  }
}
