import { messageOf } from '../contracts/index.ts'
import { UsageError } from './usage-error.ts'

/** `json` and `text` by option; `auto`: a JSON object is one, anything else is code for an interpreter. */
export type MessageForm = 'json' | 'text' | 'auto'

/**
 * The message that someone typed.
 * @throws UsageError for what is not JSON and should be, and for text that the driver has no place for
 */
export function parseMessage(text: string, form: MessageForm, driver: string): unknown {
  if (form === 'text') return text
  if (text === '') throw new UsageError('the message is empty')
  if (form === 'json') {
    try {
      return JSON.parse(text) as unknown
    } catch (error) {
      throw new UsageError(`the message is not JSON: ${messageOf(error)}`)
    }
  }
  const object = jsonObject(text)
  if (object) return object
  if (driver === 'node-repl' || driver === 'python-repl') return { code: text }
  if (driver === 'shell') return { command: text }
  if (driver === 'acp' || driver === 'claude-code') return { prompt: text }
  throw new UsageError(`the message is not a JSON object, and a ${driver} session takes no code: give --json or --text to say what it is`)
}

function jsonObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
