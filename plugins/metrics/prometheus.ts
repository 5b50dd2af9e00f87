import { definePlugin, loadPeer, METRICS_PAGE, POOL, z } from 'greenroom/kit'
import { record, SECONDS } from './parts/recorder.ts'
import { wrapped, wrappedOptions, type WrappedOptions } from './parts/wrapped.ts'
import { PrometheusPage } from './prometheus/page.ts'

const options = z.strictObject({
  ...wrappedOptions,
  prefix: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'expected letters, digits, _ and :').default('greenroom_')
    .describe("What the names of all metrics begin with. Default 'greenroom_'."),
  labels: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected letters, digits and _'), z.string()).default({})
    .describe("Labels of all metrics, such as { pool: 'agents' }. Default: none."),
  buckets: z.array(z.number().positive()).min(1).default([...SECONDS])
    .describe('Upper bounds of the buckets of all histograms, in seconds. Default: 1 ms to 10 min.'),
})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    prometheus: WrappedOptions & Omit<z.input<typeof options>, 'of'>
  }
}

export default definePlugin({
  name: 'prometheus',
  apply(kernel) {
    const page = new PrometheusPage(() => kernel.get(POOL).getPoolStats())
    kernel.provide(METRICS_PAGE, [], () => page)
    kernel.strategy('metrics', 'prometheus', {
      description: 'Shows what happens in the pool to Prometheus, at GET /metrics of the gateway http. Needs the package prom-client.',
      options,
      create: async ({ of, ...given }, context) => {
        const client = await loadPeer('prom-client', 'the metrics prometheus', () => import('prom-client'))
        record(kernel.hooks, 'prometheus', page.open(client, given))
        return wrapped(of, context, () => page.close())
      },
    })
  },
})
