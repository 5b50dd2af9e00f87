import { GreenroomError, type TurnStream } from '../contracts/index.ts'
import type { Turn, TurnConsumer } from './turn.ts'

/** Messages that may lie unread before the program is made to wait: a chunk's worth of small ones. */
const HIGH_WATER = 64

export interface StreamSource {
  /** Sends the message. Called once, at the first look. */
  begin(consumer: TurnConsumer): Turn
  /** Stops and resumes reading from the program. */
  pause(): void
  resume(): void
}

/** A turn's messages as they come. A consumer who is slow makes the program wait: its output is not read meanwhile. */
export class MessageStream<T> implements TurnStream<T>, TurnConsumer {
  readonly #source: StreamSource
  readonly #unread: T[] = []
  #state: 'new' | 'open' | 'ended' = 'new'
  #paused = false
  #discarding = false
  #failure: Error | undefined
  #turn: Turn | undefined
  #wake: (() => void) | undefined
  #result: PromiseWithResolvers | undefined
  #outcome: { readonly value: unknown } | undefined

  constructor(source: StreamSource) {
    this.#source = source
  }

  get result(): Promise<unknown> {
    if (!this.#result) {
      this.#result = withResolvers()
      this.#publish()
      // A loop that is entered in the same turn gets every message; when there is none, nobody reads them.
      if (this.#state === 'new') queueMicrotask(() => this.#begin('result-only'))
    }
    return this.#result.promise
  }

  event(message: unknown): void {
    if (this.#discarding) return
    this.#unread.push(message as T)
    if (this.#unread.length >= HIGH_WATER && !this.#paused) {
      this.#paused = true
      this.#source.pause()
    }
    this.#wake?.()
  }

  answered(result: unknown): void {
    this.#outcome = { value: result }
    this.#unread.push(result as T)
    this.#end()
  }

  rejected(error: Error): void {
    this.#failure = error
    this.#end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    this.#begin('loop')
    try {
      for (;;) {
        while (this.#unread.length > 0) yield this.#unread.shift()!
        this.#resume()
        if (this.#failure) throw this.#failure
        if (this.#state === 'ended') return
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      this.#leave()
    }
  }

  #begin(reader: 'loop' | 'result-only'): void {
    if (this.#state !== 'new') return
    this.#state = 'open'
    this.#discarding = reader === 'result-only'
    try {
      this.#turn = this.#source.begin(this)
    } catch (error) {
      this.rejected(error as Error)
    }
  }

  #end(): void {
    this.#state = 'ended'
    this.#resume()
    this.#wake?.()
    this.#publish()
  }

  #publish(): void {
    if (!this.#result || this.#state !== 'ended') return
    if (this.#outcome) this.#result.resolve(this.#outcome.value)
    else this.#result.reject(this.#failure!)
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#source.resume()
  }

  /** The consumer has left the loop. Unless all has come, the program is asked to stop. */
  #leave(): void {
    if (this.#state === 'ended') return
    this.#turn?.giveUp(new GreenroomError('REQUEST_ABORTED', 'the consumer left the stream before its end'), 'aborted')
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<unknown>
  resolve(value: unknown): void
  reject(error: Error): void
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: (value: unknown) => void
  let reject!: (error: Error) => void
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Who reads the loop may never look at the result.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
