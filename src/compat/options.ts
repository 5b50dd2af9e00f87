import { type Clock, GreenroomError, type Random, z } from '../contracts/index.ts'
import { check, configError, type ConfigProblem } from '../kernel/config-problems.ts'

/** The longest that is waited for something for which the other pool had no limit, and greenroom has one. */
export const DEFAULT_CREATE_MS = 30_000
export const DEFAULT_DESTROY_MS = 5_000
export const DEFAULT_VALIDATE_MS = 30_000

/** Where a facade takes its time and chance from. */
export interface FacadeWorld {
  clock?: Clock
  random?: Random
}

/** Callers get a stand-in of their own for each loan, or the resource itself. */
export const handles = z.enum(['guarded', 'plain']).default('guarded')

export const callback = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', { error: 'expected a function' })

/**
 * What a facade was given, checked.
 * @throws GreenroomError `CONFIG_INVALID` with every problem.
 */
export function readOptions<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const problems: ConfigProblem[] = []
  const options = check(schema, given, [], problems)
  if (options === undefined) throw configError(problems)
  return options
}

/** The error for giving back what is not lent. */
export function notLent(): GreenroomError {
  return new GreenroomError('LEASE_REVOKED', 'this resource is not lent: it was given back already, or is none that acquire() gave')
}
