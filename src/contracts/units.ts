import { GreenroomError } from './errors.ts'

/** A time span: a number of milliseconds, or text such as `'250ms'`, `'30s'`, `'15m'`, `'4h'`, `'1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** An amount of memory: a number of bytes, or text such as `'512KB'`, `'400MB'`, `'8GB'`. Units are powers of 1024. */
export type Size = number | `${number}${'B' | 'KB' | 'MB' | 'GB' | 'TB'}`

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }

/**
 * Milliseconds of a {@link Duration}.
 * @throws GreenroomError `ARGUMENT_INVALID` for anything that is not a finite, non-negative duration.
 */
export function parseDuration(value: unknown): number {
  return parseUnit(value, DURATION_UNITS, 'a duration', "a number of milliseconds, or text such as '30s' (ms, s, m, h, d)")
}

/**
 * Bytes of a {@link Size}.
 * @throws GreenroomError `ARGUMENT_INVALID` for anything that is not a finite, non-negative size.
 */
export function parseSize(value: unknown): number {
  return parseUnit(value, SIZE_UNITS, 'a size', "a number of bytes, or text such as '512MB' (B, KB, MB, GB, TB)")
}

/** `1500` → `'1.5s'`: for messages and tables. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${round(ms)}ms`
  if (ms < 60_000) return `${round(ms / 1_000)}s`
  if (ms < 3_600_000) return `${round(ms / 60_000)}m`
  return `${round(ms / 3_600_000)}h`
}

/** `419430400` → `'400MB'`: for messages and tables. */
export function formatSize(bytes: number): string {
  const unit = ['TB', 'GB', 'MB', 'KB'].find((name) => bytes >= SIZE_UNITS[name]!) ?? 'B'
  return `${round(bytes / SIZE_UNITS[unit]!)}${unit}`
}

function parseUnit(value: unknown, units: Readonly<Record<string, number>>, what: string, expected: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]+)$/.exec(value.trim())
    const factor = match && units[match[2]!]
    if (match && factor !== undefined && factor !== null) return Number(match[1]) * factor
  }
  throw new GreenroomError('ARGUMENT_INVALID', `${JSON.stringify(value) ?? String(value)} is not ${what}: give ${expected}`)
}

function round(value: number): string {
  return String(Number(value.toFixed(value < 10 ? 1 : 0)))
}
