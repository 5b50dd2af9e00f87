import type { ServerResponse } from 'node:http'
import {
  formatDuration, GreenroomError, type AcquireOptions, type Clock, type Lease, type Pool, type RequestOptions, type Served,
} from 'greenroom/kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseBody, requestBody } from './bodies.ts'
import { EventStream } from './event-stream.ts'
import { toJson } from './json.ts'
import { toProblem, type Problem } from './problem.ts'
import { relayTurn } from './relay-turn.ts'

/** What a request is answered with. `warm`: no process had to be started for it. */
interface Answer {
  result: unknown
  sessionId: string
  warm: boolean
  served: Served
}

interface Asked {
  readonly message: unknown
  readonly acquire: AcquireOptions
  /** Options for the request, with the time that is left when it is asked. */
  readonly remaining: () => RequestOptions
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal
}

/** `POST /v1/requests`: one request on a session leased for it, answered as JSON or as a stream of events. */
export class RequestHandler {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #onUnexpected: (thrown: unknown) => void

  constructor(pool: Pool, clock: Clock, onUnexpected: (thrown: unknown) => void) {
    this.#pool = pool
    this.#clock = clock
    this.#onUnexpected = onUnexpected
  }

  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const asked = this.#read(request, reply)
    if (!wantsEvents(request.headers.accept)) return reply.type('application/json; charset=utf-8').send(toJson(await this.#answer(asked)))
    await this.#stream(asked, reply)
    return reply
  }

  #answer({ message, acquire, remaining }: Asked): Promise<Answer> {
    return this.#pool.use(acquire, async (lease) => toAnswer(lease, await lease.request(message, remaining())))
  }

  /** The headers go out with the lease: until then an error still has its status. */
  async #stream({ message, acquire, remaining, gone }: Asked, reply: FastifyReply): Promise<void> {
    const open: { events?: EventStream } = {}
    try {
      const answer = await this.#pool.use(acquire, async (lease) => {
        const options = remaining()
        reply.hijack()
        const events = open.events = new EventStream(reply.raw, this.#clock)
        // A reader that stops reading pauses the turn, but only for as long as the lease lasts.
        const over = AbortSignal.any([gone, lease.signal])
        return toAnswer(lease, await relayTurn(lease.stream(message, options), (event) => events.send('message', event, over)))
      })
      open.events?.end('result', answer)
    } catch (thrown) {
      if (!open.events) throw thrown
      if (gone.aborted) return
      open.events.end('error', this.#problem(thrown).body)
    }
  }

  #problem(thrown: unknown): Problem {
    const problem = toProblem(thrown)
    if (problem.unexpected) this.#onUnexpected(thrown)
    return problem
  }

  #read(request: FastifyRequest, reply: FastifyReply): Asked {
    const { message, timeout, tenant, key, priority } = parseBody(requestBody, request.body)
    const gone = clientGone(reply.raw)
    const deadline = timeout === undefined ? undefined : this.#clock.now() + timeout
    return {
      message,
      gone,
      acquire: {
        signal: gone,
        ...(tenant !== undefined && { tenant }),
        ...(key !== undefined && { key }),
        ...(priority !== undefined && { priority }),
        ...(timeout !== undefined && { timeout }),
      },
      remaining: () => {
        if (deadline === undefined || timeout === undefined) return { signal: gone }
        const left = deadline - this.#clock.now()
        if (left > 0) return { signal: gone, timeout: left }
        throw new GreenroomError('REQUEST_TIMEOUT', `the time-out of ${formatDuration(timeout)} was used up by waiting for a session`)
      },
    }
  }
}

function toAnswer(lease: Lease, result: unknown): Answer {
  return { result: result ?? null, sessionId: lease.sessionId, warm: lease.served !== 'started', served: lease.served }
}

/** Aborts when the connection closes before the answer is out. (The request's own `close` comes as soon as its body is read.) */
function clientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  const leave = () => {
    if (!response.writableFinished) controller.abort(new GreenroomError('REQUEST_ABORTED', 'the client closed the connection'))
  }
  if (response.closed) leave()
  else response.once('close', leave)
  return controller.signal
}

function wantsEvents(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((part) => part.split(';', 1)[0]!.trim().toLowerCase() === 'text/event-stream')
}
