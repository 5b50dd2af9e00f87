import { GreenroomError, messageOf, type Clock, type Gateway, type MetricsPage, type Pool } from 'greenroom/kit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Connections } from './connections.ts'
import { Guard, isLoopback } from './guard.ts'
import { HttpProblem, toProblem } from './problem.ts'
import { RequestHandler } from './request-handler.ts'
import { OPEN_PATHS, registerRoutes } from './routes.ts'

export interface HttpGatewayOptions {
  readonly port: number
  readonly host: string
  readonly token?: string | undefined
  /** Bytes. */
  readonly bodyLimit: number
}

export interface HttpGatewayDeps {
  readonly clock: Clock
  readonly report: (thrown: unknown, where: string) => void
  /** Shown at GET /metrics. */
  readonly metrics?: MetricsPage | undefined
}

/** How long a client may take to send its request, so that slow ones do not hold connections for ever. */
const UPLOAD_MS = 120_000

/** A pool behind HTTP. */
export class HttpGateway implements Gateway {
  readonly #options: HttpGatewayOptions
  readonly #clock: Clock
  readonly #report: (thrown: unknown, where: string) => void
  readonly #metrics: MetricsPage | undefined
  readonly #connections = new Connections()
  #app: FastifyInstance | undefined
  #closing: Promise<void> | undefined

  constructor(options: HttpGatewayOptions, { clock, report, metrics }: HttpGatewayDeps) {
    this.#options = options
    this.#clock = clock
    this.#report = report
    this.#metrics = metrics
  }

  async listen(pool: Pool): Promise<{ url: string }> {
    const { host, token } = this.#options
    if (this.#app) throw new GreenroomError('GATEWAY_FAILED', 'this gateway has listened already: make another one')
    if (token === undefined && !isLoopback(host)) {
      throw new GreenroomError('GATEWAY_FAILED', `"${host}" can be reached from other machines, so a token is needed: `
        + 'set GREENROOM_TOKEN, --token or gateway.token; or listen on 127.0.0.1')
    }
    const app = this.#app = await this.#build(pool)
    await this.#bind(app)
    return { url: this.#url(app) }
  }

  close(graceMs: number): Promise<void> {
    return this.#closing ??= this.#close(graceMs)
  }

  async #close(graceMs: number): Promise<void> {
    if (!this.#app) return
    this.#connections.closeWhenAnswered()
    const cut = this.#clock.setTimer(() => this.#connections.cut(), graceMs)
    try {
      await this.#app.close()
    } finally {
      cut.cancel()
    }
  }

  async #build(pool: Pool): Promise<FastifyInstance> {
    const { fastify } = await import('fastify')
    const app = fastify({
      bodyLimit: this.#options.bodyLimit,
      requestTimeout: UPLOAD_MS,
      // The server's own 503 would not be of our form; see the hook below.
      return503OnClosing: false,
      frameworkErrors: (error, request, reply) => this.#fail(error, request, reply),
    })
    this.#connections.track(app.server)
    // Else a form could post text that is JSON, which a browser sends anywhere without asking.
    app.removeContentTypeParser('text/plain')

    const guard = new Guard(this.#options.token)
    app.addHook('onRequest', (request, _reply, done) => {
      if (!OPEN_PATHS.has(request.routeOptions.url ?? '')) guard.check(request.raw)
      if (this.#closing) throw new GreenroomError('POOL_DRAINING', 'the server is shutting down')
      done()
    })
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply))
    app.setNotFoundHandler((request) => {
      const path = request.url.split('?', 1)[0]!
      throw new HttpProblem(404, 'NOT_FOUND', `there is no ${request.method} ${path}; requests go to POST /v1/requests`)
    })
    const requests = new RequestHandler(pool, this.#clock, (thrown) => this.#report(thrown, 'http request'))
    registerRoutes(app, { pool, requests, report: this.#report, metrics: this.#metrics })
    return app
  }

  #fail(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = toProblem(thrown)
    if (problem.unexpected) this.#report(thrown, `http ${request.method} ${request.routeOptions.url ?? request.url}`)
    void reply.code(problem.status).headers(problem.headers).send(problem.body)
  }

  async #bind(app: FastifyInstance): Promise<void> {
    const { port, host } = this.#options
    try {
      // By its name, fastify would open one server for each of its addresses.
      await app.listen({ port, host: host.toLowerCase() === 'localhost' ? '127.0.0.1' : host })
    } catch (error) {
      await app.close()
      throw new GreenroomError('GATEWAY_FAILED', whyNot(error, host, port), { cause: error })
    }
  }

  #url(app: FastifyInstance): string {
    const { host, port } = this.#options
    const address = app.server.address()
    const bound = typeof address === 'object' && address ? address.port : port
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
  }
}

function whyNot(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return `port ${port} of ${host} is in use: choose another with --port or gateway.port (0 takes any free one)`
  if (code === 'EACCES') return `this user may not listen on port ${port} of ${host}: choose one above 1023 with --port or gateway.port`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `"${host}" is not an address of this machine: correct --host or gateway.host`
  return `could not listen on ${host}:${port}: ${messageOf(error)}`
}
