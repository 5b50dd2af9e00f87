import { GreenroomError, isGreenroomError, type MetricsPage, type Pool } from 'greenroom/kit'
import type { FastifyInstance } from 'fastify'
import { autoscaleBody, parseBody, scaleBody } from './bodies.ts'
import { HttpProblem } from './problem.ts'
import { ReadinessCheck } from './readiness.ts'
import type { RequestHandler } from './request-handler.ts'

/** Paths that need neither token nor loopback name: what load balancers and supervisors ask. They tell nothing of anybody. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

export interface RouteDeps {
  readonly pool: Pool
  readonly requests: RequestHandler
  /** Hears of what goes wrong after its request was answered. */
  readonly report: (thrown: unknown, where: string) => void
  readonly metrics: MetricsPage | undefined
}

/** Registers every route. */
export function registerRoutes(app: FastifyInstance, { pool, requests, report, metrics }: RouteDeps): void {
  const readiness = new ReadinessCheck(pool)

  app.get('/healthz', () => ({ ok: true }))
  app.get('/readyz', (_request, reply) => {
    const answer = readiness.look()
    return reply.code(answer.ready ? 200 : 503).send(answer)
  })

  app.get('/v1/stats', () => pool.getPoolStats())
  app.get('/v1/sessions', () => ({ sessions: pool.getSessionMetrics() }))
  app.get('/v1/decisions', () => ({ decisions: pool.decisions() }))

  app.get('/metrics', async (_request, reply) => {
    if (!metrics) throw new HttpProblem(404, 'NOT_FOUND', "there are no metrics to be fetched: choose them with metrics: { use: 'prometheus' }; GET /v1/stats has figures as JSON")
    return reply.header('content-type', metrics.contentType).send(await metrics.read())
  })

  app.post('/v1/requests', (request, reply) => requests.handle(request, reply))

  app.post('/v1/scale', async (request, reply) => {
    const { size, wait } = parseBody(scaleBody, request.body)
    if (wait) {
      await pool.scale(size)
      return { size }
    }
    const { min, max } = pool.getPoolStats().limits
    if (size < min || size > max) {
      throw new GreenroomError('ARGUMENT_INVALID', `size must be from ${min} (size.min) to ${max} (size.max), not ${size}`)
    }
    pool.scale(size).catch((error: unknown) => {
      if (!isGreenroomError(error, 'SCALE_SUPERSEDED')) report(error, `scaling to ${size}`)
    })
    return reply.code(202).send({ size })
  })

  app.post('/v1/autoscale', (request) => {
    const { enabled } = parseBody(autoscaleBody, request.body)
    pool.autoScale(enabled)
    return { enabled }
  })

  app.delete<{ Params: { id: string } }>('/v1/sessions/:id', async (request) => {
    const { id } = request.params
    const ended = await pool.closeWhere((session) => session.id === id)
    if (ended === 0) throw new HttpProblem(404, 'NOT_FOUND', `there is no live session ${JSON.stringify(id)}; GET /v1/sessions lists them`)
    return { sessionId: id, ended: true }
  })
}
