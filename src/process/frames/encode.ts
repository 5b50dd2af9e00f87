import { GreenroomError, messageOf } from '../../contracts/errors.ts'

/**
 * One line of JSON, with its `\n`.
 * @throws GreenroomError `MESSAGE_INVALID` when the value has no JSON form (undefined, a function, a BigInt, a cycle).
 */
export function encodeLine(value: unknown): string {
  return `${toJson(value)}\n`
}

/**
 * One message of the Language Server Protocol's framing: a `Content-Length` header, and the JSON in UTF-8.
 * @throws GreenroomError `MESSAGE_INVALID` when the value has no JSON form (undefined, a function, a BigInt, a cycle).
 */
export function encodeContentLength(value: unknown): Buffer {
  const json = toJson(value)
  return Buffer.from(`Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`)
}

function toJson(value: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new GreenroomError('MESSAGE_INVALID', `The message can't be written as JSON: ${messageOf(error)}`, { cause: error })
  }
  if (json === undefined) throw new GreenroomError('MESSAGE_INVALID', `The message can't be written as JSON: it is ${typeof value}`)
  return json
}
