// Plays a load over a real pool, its sessions in memory and its clock virtual.
import { createInMemoryWorld, seededRandom } from 'greenroom/testing'

/** @typedef {import('./load.mjs').Load} Load */
/** @typedef {Partial<import('greenroom').PoolConfig>} Config */

/** No session fills up: all that comes is given to somebody at once. */
const UNBOUNDED = 1_000_000

/**
 * Latencies when each request is given to a session as it comes, and waits there for those before it: sessions that work on one request
 * after the other, and take more meanwhile. What this measures is the balancer.
 * @param {Load} load
 * @param {{ sessions: number, seed: number, balancer: Config['balancer'], places?: number }} options
 */
export async function playMultiplexed({ arrivals, services, users }, { sessions, seed, balancer, places = UNBOUNDED }) {
  const { world, pool } = await open({ sessions, seed, concurrency: places, ...(balancer && { config: { balancer } }) })
  /** @type {Map<string, number>} */
  const freeAt = new Map()
  return play({ world, pool, arrivals, users }, async (n, tenant) => {
    await pool.use({ tenant }, (lease) => {
      const now = world.clock.now()
      const done = Math.max(now, freeAt.get(lease.sessionId) ?? 0) + (services[n] ?? NaN)
      freeAt.set(lease.sessionId, done)
      return lease.request({ op: 'read', ms: done - now })
    })
  })
}

/**
 * Latencies when each session is lent to one caller at a time, and the others wait in the pool's queue. With `affinity` each caller has a
 * key, and one request at a time; there are many more keys than sessions.
 * @param {Load} load
 * @param {{ sessions: number, seed: number, affinity?: boolean }} options
 */
export async function playExclusive({ arrivals, services, users }, { sessions, seed, affinity = false }) {
  const { world, pool } = await open({ sessions, seed, concurrency: 1, config: { queue: { use: 'fifo', max: UNBOUNDED } } })
  const random = seededRandom(seed)
  /** @type {Set<string>} */
  const away = new Set()
  const key = () => {
    let name
    do name = `key-${Math.floor(random.next() * sessions * 20)}`
    while (away.has(name))
    return name
  }
  return play({ world, pool, arrivals, users }, async (n) => {
    const who = affinity ? { key: key() } : {}
    if (who.key !== undefined) away.add(who.key)
    await pool.request({ op: 'read', ms: services[n] ?? NaN }, who)
    if (who.key !== undefined) away.delete(who.key)
  })
}

/** @param {{ sessions: number, seed: number, concurrency: number, config?: Config }} options */
async function open({ sessions, seed, concurrency, config }) {
  const world = createInMemoryWorld({ random: seededRandom(seed), capabilities: { ping: true, concurrency } })
  const pool = await world.createPool({
    size: { min: sessions, max: sessions, spare: 0 },
    isolation: 'none',
    timeouts: { acquire: false, idle: false, active: false, silence: false, total: false },
    health: false,
    metrics: false,
    ...config,
  })
  await world.clock.settle()
  await pool.ready()
  return { world, pool }
}

/**
 * @param {{ world: import('greenroom/testing').InMemoryWorld, pool: import('greenroom').Pool } & Pick<Load, 'arrivals' | 'users'>} given
 * @param {(n: number, user: string) => Promise<void>} ask
 */
async function play({ world: { clock }, pool, arrivals, users }, ask) {
  const latencies = new Float64Array(arrivals.length)
  const start = clock.now()
  /** @type {unknown[]} */
  const problems = []
  for (let n = 0; n < arrivals.length; n++) {
    await clock.advance(start + (arrivals[n] ?? NaN) - clock.now())
    const since = clock.now()
    ask(n, `user-${users[n]}`).then(() => (latencies[n] = clock.now() - since), (error) => problems.push(error))
  }
  await clock.runUntilIdle(Infinity)
  const closed = pool.close()
  await clock.runUntilIdle()
  await closed
  if (problems.length > 0) throw new Error('a request failed', { cause: problems[0] })
  return latencies
}
