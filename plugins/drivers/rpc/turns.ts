import type { TurnSink } from 'greenroom/kit'
import type { Params, RpcConnection } from './connection.ts'

/** The turns of one session that have not been answered. */
export class Turns {
  readonly #connection: RpcConnection
  readonly #concurrency: number
  readonly #ids = new Map<TurnSink, unknown>()

  constructor(connection: RpcConnection, concurrency: number) {
    this.#connection = connection
    this.#concurrency = concurrency
  }

  /** The open turn, when exactly one is open. */
  get only(): TurnSink | undefined {
    if (this.#ids.size !== 1) return undefined
    const [sink] = this.#ids.keys()
    return sink
  }

  /**
   * The turn that a request of the program belongs to. Where several callers may share the session, none: it may as well come of what
   * another of them did before.
   */
  get asking(): TurnSink | undefined {
    return this.#concurrency === 1 ? this.only : undefined
  }

  /** Sends a request whose answer ends the turn; `ended` is called just before. */
  request(method: string, params: Params, sink: TurnSink, ended?: () => void): void {
    const end = (): void => {
      this.#ids.delete(sink)
      ended?.()
    }
    const id = this.#connection.send(method, params, {
      done: (result) => {
        end()
        sink.done(result)
      },
      fail: (error) => {
        end()
        sink.fail(error)
      },
    })
    this.#ids.set(sink, id)
  }

  /** Sends a notification; nothing answers it, so the turn is over when it is written. */
  notify(method: string, params: Params, sink: TurnSink): void {
    this.#connection.notify(method, params, () => sink.done(undefined))
  }

  /** The id of a turn's request while it can be cancelled; `undefined` when it is over, or the session is. */
  idOf(sink: TurnSink): unknown {
    return this.#connection.isOpen ? this.#ids.get(sink) : undefined
  }
}
