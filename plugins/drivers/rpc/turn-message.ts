import { GreenroomError } from 'greenroom/kit'
import type { Params } from './connection.ts'

export interface TurnMessage {
  readonly kind: 'request' | 'notification'
  readonly method: string
  readonly params: Params
}

/**
 * Reads `{ method, params? }`, a request, or `{ notify, params? }`, a notification.
 * @throws GreenroomError `MESSAGE_INVALID` for anything else; `forms` says what the driver takes.
 */
export function readTurnMessage(message: unknown, forms: string): TurnMessage {
  const fields = fieldsOf(message, forms)
  const kind = 'method' in fields ? 'request' : 'notification'
  const { method, notify, params, ...others } = fields
  const name = method ?? notify
  const isOne = typeof name === 'string' && name !== '' && (method === undefined || notify === undefined)
  if (!isOne) throw invalid('it needs one method name', forms)
  if (params !== undefined && (typeof params !== 'object' || params === null)) throw invalid('params must be an object or an array', forms)
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) throw invalid(`it has an unknown field ${JSON.stringify(unknownField)}`, forms)
  return { kind, method: name, params }
}

/** @throws GreenroomError `MESSAGE_INVALID` when the message is not an object. */
export function fieldsOf(message: unknown, forms: string): Record<string, unknown> {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) throw invalid('it is not an object', forms)
  return message as Record<string, unknown>
}

export function invalid(why: string, forms: string): GreenroomError {
  return new GreenroomError('MESSAGE_INVALID', `The message can't be sent: ${why}. Give ${forms}`)
}
