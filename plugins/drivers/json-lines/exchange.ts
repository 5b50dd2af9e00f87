import { GreenroomError } from 'greenroom/kit'
import type { Matcher } from './partial-match.ts'

export interface ExchangeRules {
  /** The line that answers; absent when the first one does. */
  readonly expect: Matcher | undefined
  /** A line that says no. */
  readonly failure: Matcher | undefined
  /** Whether other lines before the answer are none of it. Else they are dropped: start-up banners, the rest of what is being reset. */
  readonly strict: boolean
}

/**
 * One message of the driver's own, and the line that answers it. When it is given up it stays in its place, since a late
 * answer must not be taken for another's.
 */
export class Exchange {
  readonly answer: Promise<unknown>
  readonly #rules: ExchangeRules
  #resolve!: (line: unknown) => void
  #reject!: (reason: unknown) => void

  constructor(rules: ExchangeRules, signal: AbortSignal) {
    this.#rules = rules
    const giveUp = (): void => this.#reject(signal.reason)
    const settled = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.answer = settled.finally(() => signal.removeEventListener('abort', giveUp))
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
  }

  /** Takes one line: `last` when it is the answer, `more` when the answer is still to come, `foreign` when it is none of this. */
  take(line: unknown): 'last' | 'more' | 'foreign' {
    const { expect, failure, strict } = this.#rules
    if (failure?.(line)) this.#reject(requestFailed(line))
    else if (expect === undefined || expect(line)) this.#resolve(line)
    else return strict ? 'foreign' : 'more'
    return 'last'
  }

  fail(error: Error): void {
    this.#reject(error)
  }
}

export function requestFailed(line: unknown): GreenroomError {
  return new GreenroomError('REQUEST_FAILED', `The program answered with an error: ${excerpt(JSON.stringify(line))}`, { details: line })
}

/** The begin of a long text, for messages. */
export function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
