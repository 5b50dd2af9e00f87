import { AsyncLocalStorage } from 'node:async_hooks'
import { context, metrics, ROOT_CONTEXT, SpanStatusCode, trace, type Context, type ContextManager, type MeterProvider as AnyMeterProvider } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import opentelemetry from '../../../plugins/metrics/opentelemetry.ts'
import type { PoolConfig } from '../../../src/contracts/index.ts'
import { scene, watched, type Scene, type SceneOptions } from '../../pool/scene.ts'
import { problemsWith } from '../../support/strategies.ts'

/** What the SDK's own does: contexts go with the asynchronous calls. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }
  with<A extends unknown[], F extends (...values: A) => ReturnType<F>>(own: Context, fn: F, self?: ThisParameterType<F>, ...values: A): ReturnType<F> {
    return this.#storage.run(own, () => fn.apply(self, values))
  }
  bind<T>(_own: Context, target: T): T {
    return target
  }
  enable(): this {
    return this
  }
  disable(): this {
    return this
  }
}

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const finished = new InMemorySpanExporter()
let reader: PeriodicExportingMetricReader

beforeEach(() => {
  exporter.reset()
  finished.reset()
  reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9 })
  for (const api of [metrics, trace, context]) api.disable()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }) as AnyMeterProvider)
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(finished)] }))
  context.setGlobalContextManager(new AsyncContexts())
})
afterAll(() => {
  for (const api of [metrics, trace, context]) api.disable()
})

function exported(config: Omit<PoolConfig, 'driver'> = {}, options: object = {}, more: SceneOptions = {}): Promise<Scene> {
  return scene({ metrics: { use: 'opentelemetry', of: 'in-memory' as 'pidusage', every: '1s', ...options }, ...config }, more)
}

interface Figure {
  readonly unit: string
  /** By attributes, as JSON. */
  readonly values: Readonly<Record<string, unknown>>
}

async function figures(): Promise<Record<string, Figure>> {
  exporter.reset()
  await reader.forceFlush()
  const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).filter(({ scope }) => scope.name === 'greenroom').flatMap((scope) => scope.metrics)
  return Object.fromEntries(all.map(({ descriptor: { name, unit }, dataPoints }) => [
    name, { unit, values: Object.fromEntries(dataPoints.map(({ attributes, value }) => [Object.values(attributes).join(), value])) },
  ]))
}

const byName = (name: string): ReadableSpan[] => finished.getFinishedSpans().filter((span) => span.name === name)
const seconds = ({ duration: [whole, nanos] }: ReadableSpan): number => whole + nanos / 1e9

describe('the metrics opentelemetry', () => {
  it('tells the SDK the levels of the pool, with units', async () => {
    const { pool, clock, children } = await exported({ size: { min: 2, max: 3, spare: 0 } })
    for (const { behaviour } of children) behaviour.usage = { memoryBytes: 1_000, cpuPercent: 50 }
    await clock.advance(2_000)
    const lease = await pool.acquire()
    const all = await figures()
    expect(all['greenroom.session.count']).toEqual({ unit: '{session}', values: { starting: 0, idle: 1, leased: 1, settling: 0, checking: 0, ending: 0 } })
    expect(all['greenroom.session.max']).toEqual({ unit: '{session}', values: { '': 3 } })
    expect(all['greenroom.session.pending_requests']).toEqual({ unit: '{request}', values: { '': 0 } })
    expect(all['greenroom.breaker.state']?.values).toEqual({ closed: 1, open: 0, 'half-open': 0 })
    expect(all['greenroom.session.memory.usage']).toEqual({ unit: 'By', values: { '': 2_000 } })
    expect(all['greenroom.session.cpu.utilization']).toEqual({ unit: '1', values: { '': 1 } })
    expect(all['greenroom.session.starts']).toEqual({ unit: '{process}', values: { '': 2 } })
    expect(all['greenroom.session.parked']?.values).toEqual({ '': 0 })
    lease.release()
  })

  it('counts and times what happens, in seconds, and says nothing of tenants and keys', async () => {
    const { pool, clock, programs } = await exported({ size: { min: 1, max: 1, spare: 0 }, queue: { max: 1 } }, { attributes: { pool: 'p' }, buckets: [1, 5] })
    await clock.advance(1_000)
    const lease = await pool.acquire({ key: 'secret' })
    const waiting = watched(pool.acquire({ tenant: 'secret' }))
    expect(watched(pool.acquire()).state).toBe('pending')
    const [good, bad] = [watched(lease.request({ op: 'read' })), watched(pool.acquire())]
    await clock.advance(2_000)
    expect([good.state, bad.code]).toEqual(['resolved', 'QUEUE_FULL'])
    lease.release()
    await clock.advance(2_000)
    programs.at(-1)!.child.crash()
    await clock.advance(1_000)
    expect(waiting.state).toBe('resolved')
    const all = await figures()
    expect(all['greenroom.session.refusals']).toEqual({ unit: '{request}', values: { 'p,QUEUE_FULL': 2 } })
    expect(all['greenroom.session.acquires']?.values).toEqual({ 'p,spare': 1, 'p,started': 1 })
    expect(all['greenroom.session.ends']?.values).toEqual({ 'p,evicted': 1, 'p,crashed': 1 })
    expect(all['greenroom.session.crashes']?.values).toEqual({ p: 1 })
    expect(all['greenroom.session.wait_time']).toMatchObject({ unit: 's', values: { p: { count: 2, buckets: { boundaries: [1, 5], counts: [1, 1, 0] } } } })
    expect(all['greenroom.session.use_time']?.values['p']).toMatchObject({ count: 2, sum: 4 })
    expect(all['greenroom.session.create_time']?.values['p']).toMatchObject({ count: 3 })
    expect(all['greenroom.request.duration']?.values['p']).toMatchObject({ count: 1 })
    expect(JSON.stringify(all)).not.toContain('secret')
  })

  it('makes spans of acquires and requests in the traces of their callers, whoever\'s turn they are served in', async () => {
    const { pool, clock } = await exported({ size: { min: 1, max: 1, spare: 0 }, isolation: 'none' })
    await clock.advance(1_000)
    const tracer = trace.getTracer('test')
    const call = async (name: string): Promise<void> => tracer.startActiveSpan(name, async (span) => {
      const lease = await pool.acquire()
      await lease.request({ op: 'read' })
      lease.release()
      span.end()
    })
    const done = Promise.all(['first', 'second', 'third'].map(call))
    await clock.advance(10_000)
    await done
    const parents = new Map(['first', 'second', 'third'].map((name) => [byName(name)[0]!.spanContext().spanId, name]))
    for (const name of ['greenroom acquire', 'greenroom request']) {
      expect(byName(name).map(({ parentSpanContext }) => parents.get(parentSpanContext!.spanId))).toEqual(['first', 'second', 'third'])
    }
    const [spare, reused] = byName('greenroom acquire')
    expect(spare!.attributes).toEqual({ 'greenroom.served': 'spare', 'greenroom.session.id': pool.getSessionMetrics()[0]!.sessionId })
    expect(reused!.attributes['greenroom.served']).toBe('same-tenant')
  })

  it('gives spans the times of the pool, and marks what failed', async () => {
    const { pool, clock } = await exported({ size: { min: 1, max: 1, spare: 0 } }, { attributes: { pool: 'p' } })
    await clock.advance(1_000)
    const lease = await pool.acquire({ key: 'a' })
    const late = watched(pool.acquire({ timeout: 3_000 }))
    const slow = watched(lease.request({ op: 'hang' }, { timeout: 2_000 }))
    await clock.advance(4_000)
    expect([late.code, slow.code]).toEqual(['ACQUIRE_TIMEOUT', 'REQUEST_TIMEOUT'])
    const [acquired, refused] = byName('greenroom acquire')
    expect([seconds(acquired!), seconds(refused!)]).toEqual([0, 3])
    expect(acquired!.status.code).toBe(SpanStatusCode.UNSET)
    expect([refused!.status.code, refused!.attributes]).toEqual([SpanStatusCode.ERROR, { pool: 'p', 'error.type': 'ACQUIRE_TIMEOUT' }])
    const [request] = byName('greenroom request')
    expect(seconds(request!)).toBe(2)
    expect(request!.attributes['error.type']).toBe('timed-out')
    lease.release()
  })

  it('makes no spans with spans: false', async () => {
    const { pool, clock } = await exported({ size: { min: 1 } }, { spans: false })
    await clock.advance(1_000)
    ;(await pool.acquire()).release()
    expect(finished.getFinishedSpans()).toEqual([])
    expect((await figures())['greenroom.session.wait_time']).toBeDefined()
  })

  it('refuses nobody when the tracer throws, and says so', async () => {
    trace.disable()
    const broken = { getTracer: () => ({ startSpan: () => { throw new Error('the tracer is broken') }, startActiveSpan: () => undefined as never }) }
    trace.setGlobalTracerProvider(broken)
    const { pool, clock, problems } = await exported({ size: { min: 1 } })
    await clock.advance(1_000)
    const lease = await pool.acquire()
    expect(watched(lease.request({ op: 'read' })).state).toBe('pending')
    await clock.advance(100)
    lease.release()
    expect(problems.map(({ where }) => where)).toEqual(['a span of OpenTelemetry', 'hook requesting, tap opentelemetry'])
  })

  it('is told for the last time when the pool is closed that nothing is left of it', async () => {
    const { pool, clock, children } = await exported({ size: { min: 1 } })
    children[0]!.behaviour.usage = { memoryBytes: 1_000 }
    await clock.advance(2_000)
    expect((await figures())['greenroom.session.memory.usage']?.values).toEqual({ '': 1_000 })
    const closed = pool.close({ grace: 0 })
    await clock.advance(10_000)
    await closed
    const [last, later] = [await figures(), await figures()]
    expect(Object.values(last['greenroom.session.count']!.values)).toEqual([0, 0, 0, 0, 0, 0])
    expect(last['greenroom.session.memory.usage']?.values).toEqual({ '': 0 })
    expect(last['greenroom.session.starts']?.values).toEqual({ '': 1 })
    expect(later).toEqual(last)
  })

  it('goes with prometheus: one measures for the other', async () => {
    const { pool, clock, children } = await exported({ size: { min: 1 } }, { of: { use: 'prometheus', of: 'in-memory' } })
    children[0]!.behaviour.usage = { memoryBytes: 1_000 }
    await clock.advance(2_000)
    expect(pool.getPoolStats().memoryUsage).toBe(1_000)
    expect((await figures())['greenroom.session.max']?.values).toEqual({ '': 10 })
  })

  it.each<[object, string]>([
    [{ attributes: { a: 1 } }, 'expected string'],
    [{ buckets: [0] }, 'Too small'],
    [{ spans: 'no' }, 'expected boolean'],
    [{ endpoint: 'http://localhost' }, 'endpoint'],
  ])('refuses %o', async (options, message) => {
    expect((await problemsWith('metrics', 'opentelemetry', opentelemetry, options))[0]).toContain(message)
  })
})
