import { GreenroomError, messageOf, parseDuration, type Duration } from 'greenroom/kit'

/** What a request asks of an interpreter. */
export interface Order {
  /** The code, or the command. */
  readonly text: string
  /** Milliseconds after which it is interrupted. */
  readonly timeoutMs: number | undefined
}

/**
 * Reads a message of the form `{ [field]: '…', timeout? }`.
 * @throws GreenroomError `MESSAGE_INVALID` for any other.
 */
export function readOrder(message: unknown, field: string, driver: string): Order {
  const form = `${driver} takes messages of the form { ${field}: '…', timeout?: '30s' }`
  const invalid = (why: string): GreenroomError => new GreenroomError('MESSAGE_INVALID', `The message can't be sent: ${why}. ${form}`)
  if (typeof message !== 'object' || message === null || Array.isArray(message)) throw invalid('it is not an object')
  const { [field]: text, timeout, ...others } = message as Record<string, unknown>
  if (typeof text !== 'string') throw invalid(`${field} must be a string`)
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) throw invalid(`it has an unknown field ${JSON.stringify(unknownField)}`)
  if (timeout === undefined) return { text, timeoutMs: undefined }
  try {
    return { text, timeoutMs: parseDuration(timeout as Duration) }
  } catch (error) {
    throw invalid(`timeout: ${messageOf(error)}`)
  }
}
