import type * as PromClient from 'prom-client'
import type { EndReason, ErrorCode, PoolStats, RequestOutcome, Served } from 'greenroom/kit'
import { sessionsByState } from '../parts/figures.ts'
import { BREAKER_STATES, type Recorder } from '../parts/recorder.ts'

export interface PrometheusOptions {
  readonly prefix: string
  readonly labels: Readonly<Record<string, string>>
  /** In seconds. */
  readonly buckets: readonly number[]
}

/** A counter whose value is known only as a total. */
interface Total {
  readonly counter: PromClient.Counter
  seen: number
}

/** The metrics of one pool, in a registry of their own. Names and units as Prometheus wants them: base units, and no label without a bound. */
export class PrometheusMetrics implements Recorder {
  readonly registry: PromClient.Registry
  readonly #client: typeof PromClient
  readonly #options: PrometheusOptions
  readonly #wait: PromClient.Histogram
  readonly #start: PromClient.Histogram
  readonly #hold: PromClient.Histogram
  readonly #request: PromClient.Histogram<'outcome'>
  readonly #acquires: PromClient.Counter<'served'>
  readonly #refusals: PromClient.Counter<'code'>
  readonly #ended: PromClient.Counter<'reason'>
  readonly #evictions: PromClient.Counter
  readonly #starts: Total
  readonly #crashes: Total
  readonly #sessions: PromClient.Gauge<'state'>
  readonly #max: PromClient.Gauge
  readonly #parked: PromClient.Gauge
  readonly #waiters: PromClient.Gauge
  readonly #breaker: PromClient.Gauge<'state'>
  readonly #memory: PromClient.Gauge
  readonly #cpu: PromClient.Gauge

  constructor(client: typeof PromClient, options: PrometheusOptions) {
    this.#client = client
    this.#options = options
    this.registry = new client.Registry()
    this.registry.setDefaultLabels({ ...options.labels })
    this.#wait = this.#histogram('acquire_wait_seconds', 'How long callers waited for a session.')
    this.#start = this.#histogram('session_start_seconds', 'From the spawn of a session until it was ready.')
    this.#hold = this.#histogram('lease_seconds', 'How long callers held a session.')
    this.#request = this.#histogram('request_seconds', 'How long requests took, by outcome.', ['outcome'])
    this.#acquires = this.#counter('acquires_total', 'Sessions given to callers, by how they were served.', ['served'])
    this.#refusals = this.#counter('refusals_total', 'Callers who were refused or gave up, by error code.', ['code'])
    this.#ended = this.#counter('sessions_ended_total', 'Sessions that ended, by reason.', ['reason'])
    this.#evictions = this.#counter('evictions_total', 'Sessions ended to make room for other callers.')
    this.#starts = { counter: this.#counter('starts_total', 'Processes started.'), seen: 0 }
    this.#crashes = { counter: this.#counter('crashes_total', 'Sessions that crashed.'), seen: 0 }
    this.#sessions = this.#gauge('sessions', 'Live sessions, by state.', ['state'])
    this.#max = this.#gauge('sessions_max', 'Live sessions at most.')
    this.#parked = this.#gauge('sessions_parked', 'Keys whose state is kept without a process.')
    this.#waiters = this.#gauge('waiters', 'Callers who wait for a session.')
    this.#breaker = this.#gauge('breaker_state', 'Whether processes are started: 1 for the state the breaker is in.', ['state'])
    this.#memory = this.#gauge('sessions_memory_bytes', 'Memory of the measured sessions; absent while none is.')
    this.#cpu = this.#gauge('sessions_cpu_ratio', 'CPU use of the measured sessions, 1 being one core; absent while none is.')
  }

  acquired(served: Served, waitSeconds: number): void {
    this.#acquires.inc({ served })
    this.#wait.observe(waitSeconds)
  }

  refused(code: ErrorCode): void {
    this.#refusals.inc({ code })
  }

  released(seconds: number): void {
    this.#hold.observe(seconds)
  }

  requested(outcome: RequestOutcome, seconds: number): void {
    this.#request.observe({ outcome }, seconds)
  }

  ready(seconds: number): void {
    this.#start.observe(seconds)
  }

  ended(reason: EndReason): void {
    this.#ended.inc({ reason })
    if (reason === 'evicted') this.#evictions.inc()
  }

  /** What is so now. */
  update(stats: PoolStats): void {
    for (const [state, count] of Object.entries(sessionsByState(stats))) this.#sessions.set({ state }, count)
    for (const state of BREAKER_STATES) this.#breaker.set({ state }, Number(stats.breaker === state))
    this.#max.set(stats.limits.max)
    this.#parked.set(stats.parked)
    this.#waiters.set(stats.waiting)
    setOrRemove(this.#memory, stats.memoryUsage)
    setOrRemove(this.#cpu, stats.cpuUsage === undefined ? undefined : stats.cpuUsage / 100)
    raise(this.#starts, stats.started)
    raise(this.#crashes, stats.crashes)
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[] = []): PromClient.Histogram<L> {
    const { prefix, buckets } = this.#options
    return new this.#client.Histogram({ name: `${prefix}${name}`, help, labelNames, buckets: [...buckets], registers: [this.registry] })
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []): PromClient.Counter<L> {
    return new this.#client.Counter({ name: `${this.#options.prefix}${name}`, help, labelNames, registers: [this.registry] })
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[] = []): PromClient.Gauge<L> {
    return new this.#client.Gauge({ name: `${this.#options.prefix}${name}`, help, labelNames, registers: [this.registry] })
  }
}

/** INV 27: what is not known is absent, not 0. */
function setOrRemove(gauge: PromClient.Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}

function raise(total: Total, value: number): void {
  total.counter.inc(value - total.seen)
  total.seen = value
}
