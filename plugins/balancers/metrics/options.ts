import { duration, type StrategyContext, z } from 'greenroom/kit'
import { Chance } from './chance.ts'
import { LatencyPercentile } from './latency-percentile.ts'
import { Memory } from './memory.ts'
import type { Metric } from './metric.ts'
import { Outstanding } from './outstanding.ts'
import { PeakEwma } from './peak-ewma.ts'

/** The options of peak-ewma. */
export const peakEwmaFields = {
  decay: duration({ min: 1 }).optional()
    .describe('Time constant with which a session is taken for fast again. Default: a hundred times the mean request.'),
}

const NAMES = ['outstanding', 'peak-ewma', 'latency-percentile', 'memory', 'random'] as const

const withOptions = z.discriminatedUnion('use', [
  z.strictObject({ use: z.literal('outstanding') }),
  z.strictObject({ use: z.literal('peak-ewma'), ...peakEwmaFields }),
  z.strictObject({
    use: z.literal('latency-percentile'),
    percentile: z.number().gt(0).max(100).default(95).describe('Which percentile of the request times. Default 95.'),
    window: duration({ min: 1 }).default(600_000).describe('Request times older than this are forgotten. Default 10m.'),
  }),
  z.strictObject({ use: z.literal('memory') }),
  z.strictObject({ use: z.literal('random') }),
], { error: `expected { use: a metric, … }. Known: ${NAMES.join(', ')}` })

/** What a metric is chosen by: its name, or its name with options. Comes out with options. */
export const metricOption = z.union([z.enum(NAMES).transform((use) => ({ use })).pipe(withOptions), withOptions])
  .describe('What is compared: outstanding, peak-ewma, latency-percentile, memory or random. Default outstanding.')

/** Makes the metric that was chosen. */
export function createMetric(chosen: z.output<typeof metricOption>, { clock, random }: StrategyContext): Metric {
  switch (chosen.use) {
    case 'outstanding': return new Outstanding()
    case 'peak-ewma': return new PeakEwma(clock, chosen.decay)
    case 'latency-percentile': return new LatencyPercentile(clock, chosen.percentile, chosen.window)
    case 'memory': return new Memory()
    case 'random': return new Chance(random)
  }
}
