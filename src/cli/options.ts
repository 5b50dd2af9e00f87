import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../contracts/index.ts'
import type { CliIo } from './io.ts'
import { UsageError } from './usage-error.ts'

export const DEFAULT_URL = 'http://127.0.0.1:4646'

/** For commander: a whole number from `min` to `max`. */
export function integerOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
    return value
  }
}

/** For commander: milliseconds of a duration such as `30s`. */
export function durationOption(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError("Give a duration with its unit, such as '500ms', '30s' or '5m'.")
  }
}

/** For commander: an http or https address. */
export function urlOption(text: string): string {
  if (isServerUrl(text)) return text
  throw new InvalidArgumentError(`Give an address such as ${DEFAULT_URL}.`)
}

/** The server that GREENROOM_URL names. */
export function serverOfEnvironment(env: CliIo['env']): string | undefined {
  const url = env['GREENROOM_URL'] || undefined
  if (url === undefined || isServerUrl(url)) return url
  throw new UsageError(`GREENROOM_URL is "${url}": give an address such as ${DEFAULT_URL}`)
}

function isServerUrl(text: string): boolean {
  return /^https?:\/\/[^/]/.test(text) && URL.canParse(text)
}

/** The token of the option, else of the environment, where it does not show in the list of processes. */
export function tokenOf(options: { token?: string }, env: CliIo['env']): string | undefined {
  return options.token ?? (env['GREENROOM_TOKEN'] || undefined)
}
