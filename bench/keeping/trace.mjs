// What people did: the turns of their conversations, from a log of requests.
import { readFileSync } from 'node:fs'
import { seededRandom } from 'greenroom/testing'

/**
 * A turn as it is played: it begins so long after the one before has ended (the first one: after the start of all), and lasts so long. Milliseconds.
 * @typedef {{ readonly afterMs: number, readonly ms: number }} Turn
 * @typedef {{ readonly key: string, readonly turns: readonly Turn[] }} Conversation
 * @typedef {{ t: number, session: string, type?: string, stop?: string, api_time?: number, parent?: string }} Entry
 */

/**
 * The conversations in a log of a JSON object a line: `session`, `t` (seconds since the session's first request), `api_time` (seconds it took) and
 * `stop` (`end_turn`: the turn is over). What sub-agents ask belongs to the turn in which it happens, and is left out.
 * @param {string} text
 * @returns {Conversation[]}
 */
export function parseTrace(text) {
  /** @type {Map<string, Entry[]>} */
  const sessions = new Map()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const entry = /** @type {Entry} */ (JSON.parse(line))
    if (entry.parent || entry.type === 'subagent') continue
    const entries = sessions.get(entry.session)
    if (entries) entries.push(entry)
    else sessions.set(entry.session, [entry])
  }
  return [...sessions].map(([key, entries]) => ({ key, turns: turnsOf(entries) }))
}

/** @param {string} path */
export function readTrace(path) {
  try {
    return parseTrace(readFileSync(path, 'utf8'))
  } catch (error) {
    const advice = 'give the trace with --trace FILE or GREENROOM_TRACE; docs/guides/keeping.md says where to get it'
    throw new Error(`${path} could not be read: ${advice}`, { cause: error })
  }
}

/**
 * The same conversations, begun at any time of a span.
 * @param {readonly Conversation[]} conversations
 * @param {{ seed: number, spanMs: number }} options
 * @returns {Conversation[]}
 */
export function spread(conversations, { seed, spanMs }) {
  const random = seededRandom(seed)
  return conversations.map(({ key, turns }) => {
    const beginMs = random.next() * spanMs
    return { key, turns: turns.map((turn, n) => (n === 0 ? { ...turn, afterMs: beginMs } : turn)) }
  })
}

/** @param {readonly Entry[]} entries @returns {Turn[]} */
function turnsOf(entries) {
  /** @type {Turn[]} */
  const turns = []
  let endedAt = 0
  let begin = NaN
  let end = 0
  for (const [n, { t, api_time: took = 0, stop }] of entries.entries()) {
    if (Number.isNaN(begin)) begin = Math.max(t, endedAt)
    end = Math.max(end, begin, t + took)
    if (stop !== 'end_turn' && n < entries.length - 1) continue
    turns.push({ afterMs: (begin - endedAt) * 1_000, ms: (end - begin) * 1_000 })
    endedAt = end
    begin = NaN
  }
  return turns
}
