import { duration, z } from 'greenroom/kit'
import { HttpProblem } from './problem.ts'

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000

/** `POST /v1/requests`. Names are bounded because they are kept for as long as their sessions. */
export const requestBody = z.strictObject({
  tenant: z.string().min(1).max(256).optional(),
  key: z.string().min(1).max(512).optional(),
  message: z.unknown(),
  timeout: duration({ min: 1, max: WEEK_MS }).optional(),
  priority: z.int().min(-1_000_000).max(1_000_000).optional(),
})

/** `POST /v1/scale`. */
export const scaleBody = z.strictObject({
  size: z.int().min(0),
  wait: z.boolean().default(true),
})

/** `POST /v1/autoscale`. */
export const autoscaleBody = z.strictObject({ enabled: z.boolean() })

/** @throws HttpProblem 400 that names every field that is wrong, missing or not known. */
export function parseBody<Schema extends z.ZodObject>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const known = Object.keys(schema.shape).join(', ')
  throw new HttpProblem(400, 'BODY_INVALID', `${parsed.error.issues.map((issue) => describe(issue, known)).join('; ')}`)
}

function describe(issue: z.core.$ZodIssue, known: string): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.map((key) => `"${key}"`).join(', ')} (known: ${known})`
  if (issue.code === 'invalid_type' && path !== '' && issue.message.endsWith('received undefined')) {
    return `"${path}" is missing`
  }
  return path === '' ? `the body must be a JSON object (${known})` : `"${path}": ${lowerFirst(issue.message)}`
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
