const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN = 0x7b
const CLOSE = 0x7d

/** Bytes of a string that are looked at one by one before the native search for its end is worth its call. */
const SHORT = 32

/**
 * The fields of a JSON object that are asked for, parsed, and none of the others: what lies between is stepped over, which for long
 * strings is a native search. Of two fields of the same name the last counts, as in JSON.parse. `undefined` when the line is no object.
 * @throws SyntaxError when the outline of the object is broken; what is stepped over is not checked.
 */
export function scanFields(line: Buffer, names: ReadonlySet<string>): Record<string, unknown> | undefined {
  let at = skipSpace(line, 0)
  if (line[at] !== OPEN) return undefined
  const found: Record<string, unknown> = {}
  at = skipSpace(line, at + 1)
  if (line[at] === CLOSE) return atEnd(line, at + 1, found)
  for (;;) {
    if (line[at] !== QUOTE) throw flaw(at)
    const keyEnd = endOfString(line, at)
    const name = JSON.parse(line.toString('utf8', at, keyEnd)) as string
    at = skipSpace(line, keyEnd)
    if (line[at] !== COLON) throw flaw(at)
    const start = skipSpace(line, at + 1)
    const end = endOfValue(line, start)
    if (names.has(name)) define(found, name, JSON.parse(line.toString('utf8', start, end)))
    at = skipSpace(line, end)
    if (line[at] === CLOSE) return atEnd(line, at + 1, found)
    if (line[at] !== COMMA) throw flaw(at)
    at = skipSpace(line, at + 1)
  }
}

/** As JSON.parse does it: `__proto__` is a name like any other. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function atEnd(line: Buffer, after: number, found: Record<string, unknown>): Record<string, unknown> {
  if (skipSpace(line, after) < line.length) throw flaw(after)
  return found
}

function endOfValue(line: Buffer, start: number): number {
  const first = line[start]
  if (first === QUOTE) return endOfString(line, start)
  if (first === OPEN || first === OPEN_LIST) return endOfNested(line, start)
  let at = start
  while (at < line.length && !isEndOfPlain(line[at]!)) at++
  if (at === start) throw flaw(at)
  return at
}

function endOfNested(line: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < line.length; at++) {
    const byte = line[at]
    if (byte === QUOTE) at = endOfString(line, at) - 1
    else if (byte === OPEN || byte === OPEN_LIST) depth++
    else if ((byte === CLOSE || byte === CLOSE_LIST) && --depth === 0) return at + 1
  }
  throw flaw(line.length)
}

/** Where the string that begins at `start` is over, its last quote included. */
function endOfString(line: Buffer, start: number): number {
  let at = start + 1
  for (;;) {
    // After each escaped quote again: where they are many, a search for each would be dearer than a look at every byte.
    for (const near = Math.min(line.length, at + SHORT); at < near; at++) {
      const byte = line[at]
      if (byte === QUOTE) return at + 1
      if (byte === BACKSLASH) at++
    }
    const quote = line.indexOf(QUOTE, at)
    if (quote === -1) throw flaw(line.length)
    let backslashes = 0
    // Not before `at`: an escape that ended there is over.
    while (quote - backslashes > at && line[quote - backslashes - 1] === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote + 1
    at = quote + 1
  }
}

/** The first place from `start` on that has none of JSON's spaces. */
export function skipSpace(line: Buffer, start: number): number {
  let at = start
  while (at < line.length && isSpace(line[at]!)) at++
  return at
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a
}

function isEndOfPlain(byte: number): boolean {
  return byte === COMMA || byte === CLOSE || byte === CLOSE_LIST || isSpace(byte)
}

function flaw(at: number): SyntaxError {
  return new SyntaxError(`no JSON at byte ${at}`)
}
