import type * as PromClient from 'prom-client'
import { GreenroomError, type MetricsPage, type PoolStats } from 'greenroom/kit'
import type { Recorder } from '../parts/recorder.ts'
import { PrometheusMetrics, type PrometheusOptions } from './metrics.ts'

/** The text that Prometheus fetches. Gauges are set as it is read: nothing is spent on them between. */
export class PrometheusPage implements MetricsPage {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #stats: () => PoolStats
  #metrics: PrometheusMetrics | undefined

  constructor(stats: () => PoolStats) {
    this.#stats = stats
  }

  /** Begins to count. */
  open(client: typeof PromClient, options: PrometheusOptions): Recorder {
    if (this.#metrics) throw new GreenroomError('CONFIG_INVALID', 'metrics: "prometheus" is there twice: its page shows one pool once')
    this.#metrics = new PrometheusMetrics(client, options)
    return this.#metrics
  }

  async read(): Promise<string> {
    if (!this.#metrics) return ''
    this.#metrics.update(this.#stats())
    return this.#metrics.registry.metrics()
  }

  close(): void {
    this.#metrics?.registry.clear()
    this.#metrics = undefined
  }
}
