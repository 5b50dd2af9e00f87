import type * as OpenTelemetry from '@opentelemetry/api'
import type { Attributes, Span } from '@opentelemetry/api'
import type { Clock, PoolHooks } from 'greenroom/kit'

export interface SpanDeps {
  readonly api: typeof OpenTelemetry
  readonly attributes: Readonly<Record<string, string>>
  readonly clock: Clock
  report(problem: unknown, where: string): void
}

/**
 * Makes a span of each acquire, and of each request, in the trace of its caller. What a hook is told may come in anybody's turn of the event
 * loop, so that the caller's context is taken where the call begins. Without a tracer the api makes spans that are nothing.
 */
export function trace(hooks: PoolHooks, deps: SpanDeps): void {
  const { api, attributes, clock } = deps
  const tracer = api.trace.getTracer('greenroom')
  const open = new WeakMap<object, Span>()
  const begin = (of: object, name: string, kind: OpenTelemetry.SpanKind, more: Attributes = {}): void => {
    open.set(of, tracer.startSpan(name, { kind, attributes: { ...attributes, ...more }, startTime: clock.wallTime() }, api.context.active()))
  }
  const end = (of: object, more: Attributes, error?: string): void => {
    const span = open.get(of)
    if (!span) return
    open.delete(of)
    span.setAttributes(more)
    if (error !== undefined) {
      span.setAttribute('error.type', error)
      span.setStatus({ code: api.SpanStatusCode.ERROR })
    }
    span.end(clock.wallTime())
  }

  // First of all: whoever refuses after it ends the span.
  hooks.admit.tap({ name: 'opentelemetry', stage: -1_000 }, (request) => {
    try {
      begin(request, 'greenroom acquire', api.SpanKind.INTERNAL)
    } catch (problem) {
      // What a decider throws would refuse the caller.
      deps.report(problem, 'a span of OpenTelemetry')
    }
    return undefined
  })
  hooks.acquired.tap('opentelemetry', ({ id }, request, { served }) => end(request, { 'greenroom.served': served, 'greenroom.session.id': id }))
  hooks.refused.tap('opentelemetry', (request, { code }) => end(request, {}, code))
  hooks.requesting.tap('opentelemetry', ({ id }, { turn }) => begin(turn, 'greenroom request', api.SpanKind.CLIENT, { 'greenroom.session.id': id }))
  hooks.request.tap('opentelemetry', (_session, { turn, outcome }) => end(turn, {}, outcome === 'answered' ? undefined : outcome))
}
