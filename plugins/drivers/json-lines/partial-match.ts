/** Says whether a JSON value matches. */
export type Matcher = (value: unknown) => boolean

/**
 * Makes a matcher once, for many values: an object matches when it has every field of the pattern with a matching value,
 * whatever else it has; a list matches one of the same length whose items match; anything else must be equal.
 */
export function partialMatcher(pattern: unknown): Matcher {
  if (Array.isArray(pattern)) {
    const items = pattern.map(partialMatcher)
    return (value) => Array.isArray(value) && value.length === items.length && items.every((matches, index) => matches(value[index]))
  }
  if (typeof pattern === 'object' && pattern !== null) {
    const fields = Object.entries(pattern).map(([name, part]) => ({ name, matches: partialMatcher(part) }))
    return (value) => {
      if (!isObject(value)) return false
      for (const { name, matches } of fields) if (!Object.hasOwn(value, name) || !matches(value[name])) return false
      return true
    }
  }
  return (value) => value === pattern
}

/** A matcher for any of several patterns. */
export function anyOf(patterns: readonly unknown[]): Matcher {
  const matchers = patterns.map(partialMatcher)
  return (value) => matchers.some((matches) => matches(value))
}

/** True for a JSON object, as opposed to a list or a plain value. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
