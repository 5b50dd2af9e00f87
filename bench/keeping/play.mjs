// Plays conversations over a real pool with real evictors, its sessions in memory and its clock virtual.
import { definePlugin, z } from 'greenroom/kit'
import { createInMemoryWorld, seededRandom } from 'greenroom/testing'
import { oracle } from './arithmetic.mjs'

/** @typedef {import('./trace.mjs').Conversation} Conversation */
/** @typedef {{ returns: number, cold: number, waits: number }} Outcome */

/** How long a start takes. */
const START_MS = 500

/** @param {ReadonlyMap<string, number>} returnsAt */
const oraclePlugin = (returnsAt) => definePlugin({
  name: 'oracle',
  apply(kernel) {
    kernel.strategy('evictor', 'oracle', { description: 'The session whose key comes back last.', options: z.strictObject({}), create: () => oracle(returnsAt) })
  },
})

/**
 * Each conversation has a key, and each turn is a lease. Between its turns it is away for as long as it was, however long it had to wait.
 * @param {readonly Conversation[]} conversations
 * @param {{ slots: number, seed: number, evictor: import('greenroom').PoolConfig['evictor'] | 'oracle' }} options
 * @returns {Promise<Outcome>}
 */
export async function play(conversations, { slots, seed, evictor }) {
  /** @type {Map<string, number>} */
  const returnsAt = new Map()
  const world = createInMemoryWorld({ random: seededRandom(seed) })
  Object.assign(world.control.behaviour, { start: { ms: START_MS } })
  const { clock } = world
  const pool = await world.createPool({
    size: { min: 0, max: slots, spare: 0 },
    queue: { max: conversations.length },
    timeouts: { acquire: false, idle: false, active: false, silence: false, total: false },
    health: false,
    metrics: false,
    plugins: [oraclePlugin(returnsAt)],
    evictor: /** @type {import('greenroom').PoolConfig['evictor'] & {}} */ (evictor),
  })
  const outcome = { returns: 0, cold: 0, waits: 0 }
  /** @type {unknown[]} */
  const problems = []
  for (const { key, turns } of conversations) {
    const begin = (/** @type {number} */ n) => void clock.setTimer(() => void turn(n).catch((error) => problems.push(error)), turns[n]?.afterMs ?? Infinity)
    const turn = async (/** @type {number} */ n) => {
      const since = clock.now()
      await pool.use({ key }, async (lease) => {
        if (clock.now() - since > START_MS) outcome.waits++
        if (n > 0) {
          outcome.returns++
          if (lease.served !== 'same-key') outcome.cold++
        }
        await lease.request({ op: 'read', ms: turns[n]?.ms ?? NaN })
        returnsAt.set(key, clock.now() + (turns[n + 1]?.afterMs ?? Infinity))
      })
      begin(n + 1)
    }
    begin(0)
  }
  await clock.runUntilIdle(Infinity)
  const closed = pool.close()
  await clock.runUntilIdle()
  await closed
  if (problems.length > 0) throw new Error('a turn failed', { cause: problems[0] })
  return outcome
}
