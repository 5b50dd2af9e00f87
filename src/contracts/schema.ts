import { z } from 'zod'
import { GreenroomError } from './errors.ts'
import { parseDuration, parseSize, type Duration, type Size } from './units.ts'

/** The schema library in which options are described: `z.strictObject({ … })`. */
export { z }

type Bounds = { min?: number; max?: number }

/** A duration; comes out as milliseconds. `bounds` are milliseconds. */
export function duration(bounds: Bounds = {}) {
  return withUnit<Duration>(parseDuration, bounds, 'ms', "Milliseconds, or text such as '30s'")
}

/** A duration, or `false` for "never"; comes out as milliseconds, `Infinity` for never. */
export function optionalDuration(bounds: Bounds = {}) {
  return z.union([z.literal(false).transform(() => Infinity), duration(bounds)])
}

/** An amount of memory; comes out as bytes. `bounds` are bytes. */
export function size(bounds: Bounds = {}) {
  return withUnit<Size>(parseSize, bounds, 'bytes', "Bytes, or text such as '512MB'")
}

function withUnit<Input>(parse: (value: unknown) => number, { min = 0, max = Infinity }: Bounds, unit: string, description: string) {
  return z
    .custom<Input>((value) => typeof value === 'number' || typeof value === 'string', { error: `expected ${description}` })
    // For the JSON schema, which code can't be in.
    .meta({ type: ['number', 'string'], unit, description })
    .transform((value, context) => {
      try {
        const parsed = parse(value)
        if (parsed >= min && parsed <= max) return parsed
        context.addIssue({ code: 'custom', message: max === Infinity ? `must be at least ${min} ${unit}` : `must be from ${min} to ${max} ${unit}` })
      } catch (error) {
        if (!(error instanceof GreenroomError)) throw error
        context.addIssue({ code: 'custom', message: error.message })
      }
      return z.NEVER
    })
}
