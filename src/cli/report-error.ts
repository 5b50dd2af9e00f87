import { inspect } from 'node:util'
import { isGreenroomError, messageOf } from '../contracts/index.ts'
import { RemoteError } from './client.ts'
import { line, type CliIo } from './io.ts'

/** Prints what went wrong: `error CODE: message`, and what led to it on the next line. With GREENROOM_DEBUG, everything. */
export function reportError(thrown: unknown, { stderr, env }: Pick<CliIo, 'stderr' | 'env'>): void {
  line(stderr, errorText(thrown))
  for (const cause of causesOf(thrown)) line(stderr, `  because: ${errorText(cause).replace(/^error:? /, '')}`)
  if (isGreenroomError(thrown) && thrown.exit?.stderr) line(stderr, indent(thrown.exit.stderr))
  if (env['GREENROOM_DEBUG']) line(stderr, inspect(thrown, { depth: 6 }))
}

export function errorText(thrown: unknown): string {
  const code = isGreenroomError(thrown) || thrown instanceof RemoteError ? ` ${thrown.code}` : ''
  return `error${code}: ${messageOf(thrown)}`
}

/** What led to it, nearest first; what the message says already is left out. */
function causesOf(thrown: unknown): unknown[] {
  const causes: unknown[] = []
  let said = messageOf(thrown)
  let cause = causeOf(thrown)
  // A bound: causes may go in circles.
  for (let depth = 0; cause !== undefined && depth < 5; depth++) {
    if (!said.includes(messageOf(cause))) causes.push(cause)
    said += messageOf(cause)
    cause = causeOf(cause)
  }
  return causes
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.cause ?? undefined : undefined
}

function indent(text: string): string {
  return text.trimEnd().split('\n').map((part) => `  | ${part}`).join('\n')
}
