const TOKEN = /[ \t\r\n]*(?:([[\]{},:])|("(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/uy

/** What may come next. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | ', or close' | 'end'

/**
 * Line and column, from 1, of the first place where `text` is not JSON. JSON.parse tells of it only sometimes, and not the same way in every
 * version of Node. `undefined` when the text is JSON.
 */
export function jsonFault(text: string): { readonly line: number; readonly column: number } | undefined {
  const open: ('[' | '{')[] = []
  const afterValue = (): Expected => (open.length === 0 ? 'end' : ', or close')
  let expected: Expected = 'value'
  let offset = 0
  for (;;) {
    TOKEN.lastIndex = offset
    const match = TOKEN.exec(text)
    const start = offset + /^[ \t\r\n]*/.exec(text.slice(offset))![0].length
    if (!match) return expected === 'end' && start === text.length ? undefined : placeOf(text, start)
    const next = step(match[1] ?? (match[2] === undefined ? 'literal' : 'string'))
    if (next === undefined) return placeOf(text, start)
    expected = next
    offset = TOKEN.lastIndex
  }

  function step(token: string): Expected | undefined {
    const takesValue = expected === 'value' || expected === 'value or ]'
    const takesKey = expected === 'key' || expected === 'key or }'
    if (token === 'string') return takesValue ? afterValue() : takesKey ? 'colon' : undefined
    if (token === 'literal') return takesValue ? afterValue() : undefined
    if (token === ':') return expected === 'colon' ? 'value' : undefined
    if (token === ',') return expected === ', or close' ? (open.at(-1) === '{' ? 'key' : 'value') : undefined
    if (token === '[' || token === '{') {
      if (!takesValue) return undefined
      open.push(token)
      return token === '[' ? 'value or ]' : 'key or }'
    }
    const [opener, empty] = token === ']' ? ['[', 'value or ]'] : ['{', 'key or }']
    if (open.at(-1) !== opener || (expected !== ', or close' && expected !== empty)) return undefined
    open.pop()
    return afterValue()
  }
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}
