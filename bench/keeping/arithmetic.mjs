// The same without a pool: what the replay is held against.

/** @typedef {import('./trace.mjs').Conversation} Conversation */
/** @typedef {import('greenroom/kit').Evictor} Evictor */
/** @typedef {import('greenroom/kit').StrategyDefinition<'evictor', import('greenroom/kit').z.ZodType>} Definition */
/** @typedef {{ -readonly [Field in keyof import('greenroom').SessionView]: import('greenroom').SessionView[Field] }} MutableSession */

const PLUGINS = {
  'lru': () => import('greenroom/plugins/evictors/lru'),
  'ttl': () => import('greenroom/plugins/evictors/ttl'),
  'greedy-dual': () => import('greenroom/plugins/evictors/greedy-dual'),
  'hybrid-histogram': () => import('greenroom/plugins/evictors/hybrid-histogram'),
  'learned': () => import('greenroom/plugins/evictors/learned'),
}

/**
 * Share of returns that find their session gone, when each is kept for a fixed time after its last use; and how long sessions are idle in all, as a
 * multiple of the time in which they work.
 * @param {readonly Conversation[]} conversations
 * @param {number} keepMs
 */
export function fixedTimeout(conversations, keepMs) {
  let [returns, cold, idleMs, busyMs] = [0, 0, 0, 0]
  for (const { turns } of conversations) {
    for (const [n, { afterMs, ms }] of turns.entries()) {
      busyMs += ms
      if (n > 0) {
        returns++
        if (afterMs > keepMs) cold++
        idleMs += Math.min(afterMs, keepMs)
      }
    }
    idleMs += keepMs
  }
  return { cold: cold / returns, idle: idleMs / busyMs }
}

/**
 * Share of returns that find their session gone when there are so many slots, nothing takes time, and nobody waits: who comes when all are at work
 * is lent one more slot.
 * @param {readonly Conversation[]} conversations
 * @param {number} slots
 * @param {keyof typeof PLUGINS | 'oracle'} policy
 */
export async function withLentSlots(conversations, slots, policy) {
  let now = 0
  /** @type {Map<string, number>} */
  const returnsAt = new Map()
  const evictor = policy === 'oracle' ? oracle(returnsAt) : await create(policy, () => now)
  /** @type {Map<string, MutableSession>} */
  const live = new Map()
  let [returns, cold] = [0, 0]
  for (const { at, key, n, begins, returnAt } of eventsOf(conversations)) {
    now = at
    let session = live.get(key)
    if (!begins) {
      returnsAt.set(key, returnAt)
      if (!session) continue
      Object.assign(session, { state: 'idle', lastUsedAt: at })
      evictor.idled?.(session)
      continue
    }
    if (n > 0) returns++
    if (!session) {
      if (n > 0) cold++
      const idle = [...live.values()].filter(({ state }) => state === 'idle')
      if (live.size >= slots && idle.length > 0) {
        const gone = evictor.choose(idle, 'places')
        live.delete(gone.key ?? '')
        evictor.left?.(gone)
      }
      session = started(key, at)
      live.set(key, session)
    }
    Object.assign(session, { state: 'leased', lastUsedAt: at, leaseCount: session.leaseCount + 1 })
    evictor.used?.(session)
  }
  return cold / returns
}

/** Begins and ends of turns, in the order they come. @param {readonly Conversation[]} conversations */
function eventsOf(conversations) {
  return conversations.flatMap(({ key, turns }) => {
    let end = 0
    return turns.flatMap(({ afterMs, ms }, n) => {
      const begin = end + afterMs
      end = begin + ms
      const returnAt = end + (turns[n + 1]?.afterMs ?? Infinity)
      return [{ at: begin, key, n, begins: true, returnAt }, { at: end, key, n, begins: false, returnAt }]
    })
  }).sort((a, b) => a.at - b.at)
}

/** @param {string} key @param {number} at @returns {MutableSession} */
function started(key, at) {
  return {
    id: `${key} at ${at}`, pid: undefined, state: 'leased', tenant: 'default', key, startedAt: at, readyAt: at, lastUsedAt: at, leaseCount: 0,
    requestCount: 0, outstanding: 0, load: 0, usage: undefined,
  }
}

/** An evictor by its plugin, as a pool makes it. @param {keyof typeof PLUGINS} name @param {() => number} now @returns {Promise<Evictor>} */
async function create(name, now) {
  const { default: plugin } = await PLUGINS[name]()
  /** @type {Promise<Evictor> | undefined} */
  let made
  const clock = { now, wallTime: now, setTimer: () => ({ cancel() {} }) }
  const kernel = {
    /** @param {string} _kind @param {string} _name @param {Definition} definition */
    strategy(_kind, _name, { options, create: make }) {
      made = Promise.resolve(make(options.parse({}), /** @type {import('greenroom/kit').StrategyContext} */ (/** @type {unknown} */ ({ clock }))))
    },
  }
  await plugin.apply(/** @type {import('greenroom/kit').Kernel} */ (/** @type {unknown} */ (kernel)))
  if (!made) throw new Error(`the plugin ${name} has registered nothing`)
  return made
}

/**
 * Belady's: the session whose key comes back last, or never. It is told what nobody can know.
 * @param {ReadonlyMap<string, number>} returnsAt
 * @returns {Evictor}
 */
export function oracle(returnsAt) {
  /** @param {import('greenroom').SessionView} session */
  const at = ({ key }) => returnsAt.get(key ?? '') ?? Infinity
  return { choose: (idle) => idle.reduce((last, session) => (at(session) > at(last) ? session : last)) }
}
