import { describe, expect, it } from 'vitest'
import { MarkScanner } from '../../../../plugins/drivers/shell/mark-scanner.ts'

const TOKEN = 'ab12'

/** What a scanner makes of these chunks: output as text, marks as [token, word]. */
function scan(chunks: readonly (string | Buffer)[], expected: readonly string[] = [TOKEN]): (string | [string, string])[] {
  const found: (string | [string, string])[] = []
  const scanner = new MarkScanner({
    output: (text) => {
      const last = found.at(-1)
      if (typeof last === 'string') found[found.length - 1] = last + text
      else found.push(text)
    },
    mark: (token, word) => void found.push([token, word]),
  })
  for (const token of expected) scanner.expect(token)
  for (const chunk of chunks) scanner.push(Buffer.from(chunk))
  return found
}

describe('a mark scanner', () => {
  it('finds the same, wherever the stream is cut', () => {
    const stream = Buffer.from(`one ✓\u001e${TOKEN}:b\ntwo\u001e\n\u001eab1\u001eab12x\u001e${TOKEN}:130\nthree\u001e${TOKEN}:0\n`)
    const whole = ['one ✓', [TOKEN, 'b'], 'two\u001e\n\u001eab1\u001eab12x', [TOKEN, '130'], 'three', [TOKEN, '0']]
    expect(scan([stream])).toEqual(whole)
    for (let cut = 1; cut < stream.length; cut++) expect([cut, scan([stream.subarray(0, cut), stream.subarray(cut)])]).toEqual([cut, whole])
    expect(scan([...stream].map((byte) => Buffer.of(byte)))).toEqual(whole)
  })

  it('takes for output what has no token that is expected, or no word of a mark', () => {
    for (const text of ['\u001e0000:0\n', `\u001e${TOKEN} 0\n`, `\u001e${TOKEN}:12345`, `\u001e${TOKEN}:1234\n`, `${TOKEN}:0\n`, `\u001e\u001e${TOKEN}`.slice(0, 1) + 'x']) {
      expect(scan([text])).toEqual([text])
    }
    expect(scan([`\u001e${TOKEN}:0\n`], [])).toEqual([`\u001e${TOKEN}:0\n`])
  })

  it('keeps back no more than what may be the begin of a mark', () => {
    expect(scan(['text\u001eab'])).toEqual(['text'])
    expect(scan(['text\u001eabc'])).toEqual(['text\u001eabc'])
    expect(scan([`text\u001e${TOKEN}:1`])).toEqual(['text'])
  })

  it('no longer knows the tokens before one that has come: their marks are lost', () => {
    expect(scan(['\u001enew:s\n\u001eold:s\n'], ['old', 'new'])).toEqual([['new', 's'], '\u001eold:s\n'])
  })

  it('does not add a character that was cut off by a mark to what comes after it', () => {
    expect(scan([Buffer.from([0xe2, 0x9c]), `\u001e${TOKEN}:0\n`, Buffer.from([0x93]), 'x'])).toEqual(['\ufffd', [TOKEN, '0'], '\ufffdx'])
  })
})
