import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from 'greenroom/kit'
import { toJson } from './json.ts'

const HEARTBEAT_MS = 15_000
/** How long a reader may take for what is left once the stream has ended. */
const LINGER_MS = 30_000

const NEWLINE = 0x0a
const RETURN = 0x0d
const END = Buffer.from('\n\n')

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx holds back what it proxies unless told not to.
  'x-accel-buffering': 'no',
}

/** Server-sent events, with comments as heartbeats so that proxies do not take a thinking program for a dead one. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #clock: Clock
  #heartbeat: Timer

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response
    this.#clock = clock
    response.writeHead(200, HEADERS)
    response.flushHeaders()
    this.#heartbeat = this.#nextHeartbeat()
    response.once('close', () => this.#heartbeat.cancel())
  }

  /** Sends one event. Resolves when the reader has room for the next; rejects with the signal's reason when it aborts first. */
  async send(event: string, data: unknown, signal: AbortSignal): Promise<void> {
    const room = this.#response.write(frame(event, data))
    if (!room) await this.#drained(signal)
  }

  /** Sends the last event. A reader that does not take it in time is cut off. */
  end(event: string, data: unknown): void {
    this.#heartbeat.cancel()
    this.#response.end(frame(event, data))
    const cut = this.#clock.setTimer(() => this.#response.destroy(), LINGER_MS, { background: true })
    this.#response.once('close', () => cut.cancel())
  }

  #nextHeartbeat(): Timer {
    return this.#clock.setTimer(() => {
      // A reader that is behind needs no proof of life, and more bytes would only pile up.
      if (!this.#response.writableNeedDrain) this.#response.write(': still working\n\n')
      this.#heartbeat = this.#nextHeartbeat()
    }, HEARTBEAT_MS, { background: true })
  }

  #drained(signal: AbortSignal): Promise<void> {
    const response = this.#response
    return new Promise((resolve, reject) => {
      const onAbort = () => settle(() => reject(signal.reason as Error))
      const onDrain = () => settle(resolve)
      const settle = (how: () => void) => {
        response.off('drain', onDrain)
        signal.removeEventListener('abort', onAbort)
        how()
      }
      if (signal.aborted) return onAbort()
      response.once('drain', onDrain)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

function frame(event: string, data: unknown): string | Buffer {
  const json = toJson(data ?? null)
  if (typeof json === 'string') return `event: ${event}\ndata: ${json}\n\n`
  // Between two tokens JSON may have line ends, which would end the event's line.
  const line = json.includes(RETURN) || json.includes(NEWLINE) ? JSON.stringify(JSON.parse(json.toString())) : json
  return Buffer.concat([Buffer.from(`event: ${event}\ndata: `), Buffer.from(line), END])
}
