import type { Attributes, BatchObservableCallback, Counter, Histogram, Meter, Observable } from '@opentelemetry/api'
import type { EndReason, ErrorCode, PoolStats, RequestOutcome, Served } from 'greenroom/kit'
import { sessionsByState } from '../parts/figures.ts'
import { BREAKER_STATES, type Recorder } from '../parts/recorder.ts'

export interface OpenTelemetryOptions {
  readonly attributes: Readonly<Record<string, string>>
  /** In seconds. */
  readonly buckets: readonly number[]
  /** Asked at each collection; `undefined` while there is no pool yet. */
  readonly stats: () => PoolStats | undefined
}

/**
 * The metrics of one pool. They are named after the semantic conventions for connection pools (`db.client.connection.*`), which are the nearest
 * there are: `count` by state, `max`, `pending_requests`, `wait_time`, `create_time`, `use_time`; units are UCUM.
 */
export class OpenTelemetryMetrics implements Recorder {
  readonly #attributes: Attributes
  readonly #wait: Histogram
  readonly #create: Histogram
  readonly #use: Histogram
  readonly #request: Histogram
  readonly #acquires: Counter
  readonly #refusals: Counter
  readonly #ended: Counter
  readonly #stats: () => PoolStats | undefined
  #closed = false
  /** Of the pool when it was closed. */
  #final: PoolStats | undefined

  constructor(meter: Meter, { attributes, buckets, stats }: OpenTelemetryOptions) {
    this.#attributes = { ...attributes }
    const seconds = (name: string, description: string): Histogram =>
      meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: [...buckets] } })
    this.#wait = seconds('greenroom.session.wait_time', 'The time callers waited for a session.')
    this.#create = seconds('greenroom.session.create_time', 'The time from the spawn of a session until it was ready.')
    this.#use = seconds('greenroom.session.use_time', 'The time between acquiring a session and releasing it.')
    this.#request = seconds('greenroom.request.duration', 'The duration of requests.')
    this.#acquires = meter.createCounter('greenroom.session.acquires', { description: 'Sessions given to callers.', unit: '{session}' })
    this.#refusals = meter.createCounter('greenroom.session.refusals', { description: 'Callers who were refused or gave up.', unit: '{request}' })
    this.#ended = meter.createCounter('greenroom.session.ends', { description: 'Sessions that ended, by reason.', unit: '{session}' })
    this.#stats = stats
    this.#observe(meter)
  }

  acquired(served: Served, waitSeconds: number): void {
    this.#acquires.add(1, this.#with({ 'greenroom.served': served }))
    this.#wait.record(waitSeconds, this.#attributes)
  }

  refused(code: ErrorCode): void {
    this.#refusals.add(1, this.#with({ 'error.type': code }))
  }

  released(seconds: number): void {
    this.#use.record(seconds, this.#attributes)
  }

  requested(outcome: RequestOutcome, seconds: number): void {
    this.#request.record(seconds, outcome === 'answered' ? this.#attributes : this.#with({ 'error.type': outcome }))
  }

  ready(seconds: number): void {
    this.#create.record(seconds, this.#attributes)
  }

  ended(reason: EndReason): void {
    this.#ended.add(1, this.#with({ 'greenroom.session.end_reason': reason }))
  }

  /** At the next collection it is told for the last time how the pool is: what is observed no more would stay as it was. */
  close(): void {
    this.#closed = true
    this.#final ??= this.#stats()
  }

  #with(attributes: Attributes): Attributes {
    return { ...this.#attributes, ...attributes }
  }

  #observe(meter: Meter): void {
    const level = (name: string, unit: string, description: string): Observable => meter.createObservableUpDownCounter(name, { description, unit })
    const total = (name: string, unit: string, description: string): Observable => meter.createObservableCounter(name, { description, unit })
    const count = level('greenroom.session.count', '{session}', 'Live sessions, by state.')
    const max = level('greenroom.session.max', '{session}', 'The most live sessions there may be.')
    const parked = level('greenroom.session.parked', '{session}', 'Keys whose state is kept without a process.')
    const pending = level('greenroom.session.pending_requests', '{request}', 'Callers who wait for a session.')
    const breaker = level('greenroom.breaker.state', '1', 'Whether processes are started: 1 for the state the breaker is in.')
    const memory = level('greenroom.session.memory.usage', 'By', 'Memory of the measured sessions; absent while none is.')
    const cpu = meter.createObservableGauge('greenroom.session.cpu.utilization', { description: 'CPU use of the measured sessions, 1 being one core.', unit: '1' })
    const starts = total('greenroom.session.starts', '{process}', 'Processes started.')
    const crashes = total('greenroom.session.crashes', '{session}', 'Sessions that crashed.')
    const observables = [count, max, parked, pending, breaker, memory, cpu, starts, crashes]
    const callback: BatchObservableCallback = (result) => {
      if (this.#closed) meter.removeBatchObservableCallback(callback, observables)
      const now = this.#final ? { memoryUsage: 0, cpuUsage: 0, ...this.#final } : this.#stats()
      if (!now) return
      for (const [state, sessions] of Object.entries(sessionsByState(now))) result.observe(count, sessions, this.#with({ 'greenroom.session.state': state }))
      for (const state of BREAKER_STATES) result.observe(breaker, Number(now.breaker === state), this.#with({ 'greenroom.breaker.state': state }))
      result.observe(max, now.limits.max, this.#attributes)
      result.observe(parked, now.parked, this.#attributes)
      result.observe(pending, now.waiting, this.#attributes)
      result.observe(starts, now.started, this.#attributes)
      result.observe(crashes, now.crashes, this.#attributes)
      // INV 27: what is not known is absent, not 0.
      if (now.memoryUsage !== undefined) result.observe(memory, now.memoryUsage, this.#attributes)
      if (now.cpuUsage !== undefined) result.observe(cpu, now.cpuUsage / 100, this.#attributes)
    }
    meter.addBatchObservableCallback(callback, observables)
  }
}
