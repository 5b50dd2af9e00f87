import { duration, z } from 'greenroom/kit'

const fields = z.strictObject({
  errors: z.int().min(1).default(5).describe('Failed or timed-out requests in a row that eject a session. Default 5.'),
  eject: duration({ min: 1 }).default(30_000)
    .describe('How long it is out: so much the first time, twice as much the second, at most ten times. Default 30s.'),
  max: z.number().min(1).max(100).default(10).describe('Percent of the sessions that may be out at once; one always may. Default 10.'),
  sweep: duration({ min: 1 }).default(10_000)
    .describe('How often those whose time is over return, and a session without errors is forgiven one ejection. Default 10s.'),
})

/** The options of outlier ejection. */
export type OutlierOptions = z.output<typeof fields>

/** `outliers` in the options of every balancer. */
export const outlierOption = fields.optional().describe('Passes over sessions that fail again and again. Default: none is.')
