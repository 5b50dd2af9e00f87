import { definePlugin, isGreenroomError, loadPeer, POOL, z, type Kernel, type PoolStats } from 'greenroom/kit'
import { OpenTelemetryMetrics } from './opentelemetry/metrics.ts'
import { trace } from './opentelemetry/spans.ts'
import { record, SECONDS } from './parts/recorder.ts'
import { wrapped, wrappedOptions, type WrappedOptions } from './parts/wrapped.ts'

const options = z.strictObject({
  ...wrappedOptions,
  attributes: z.record(z.string(), z.string()).default({})
    .describe("Attributes of all metrics and spans, such as { 'greenroom.pool.name': 'agents' }. Default: none."),
  buckets: z.array(z.number().positive()).min(1).default([...SECONDS])
    .describe('Advice for the upper bounds of the buckets of all histograms, in seconds. Default: 1 ms to 10 min.'),
  spans: z.boolean().default(true).describe('Whether acquires and requests are spans of the traces of their callers. Default true.'),
})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    opentelemetry: WrappedOptions & Omit<z.input<typeof options>, 'of'>
  }
}

export default definePlugin({
  name: 'opentelemetry',
  apply(kernel) {
    kernel.strategy('metrics', 'opentelemetry', {
      description: 'Tells the OpenTelemetry SDK of your program what happens in the pool: metrics, and spans. Needs the package @opentelemetry/api.',
      options,
      create: async ({ of, attributes, buckets, spans }, context) => {
        const api = await loadPeer('@opentelemetry/api', 'the metrics opentelemetry', () => import('@opentelemetry/api'))
        const metrics = new OpenTelemetryMetrics(api.metrics.getMeter('greenroom'), { attributes, buckets, stats: () => statsOf(kernel) })
        record(kernel.hooks, 'opentelemetry', metrics)
        if (spans) trace(kernel.hooks, { api, attributes, clock: context.clock, report: (problem, where) => context.report(problem, where) })
        return wrapped(of, context, () => metrics.close())
      },
    })
  },
})

/** The SDK may ask before the pool is made, or when it could not be. */
function statsOf(kernel: Kernel): PoolStats | undefined {
  try {
    return kernel.get(POOL).getPoolStats()
  } catch (problem) {
    if (isGreenroomError(problem, 'PLUGIN_INVALID')) return undefined
    throw problem
  }
}
