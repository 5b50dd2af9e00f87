// `node measure.mjs sessions|keys COUNT`: prints microseconds of CPU for an acquire with its release, as JSON.
import { createPool } from 'greenroom'
import { definePlugin, z } from 'greenroom/kit'
import memory from 'greenroom/plugins/stores/memory'
import { createInMemoryWorld } from 'greenroom/testing'
import { systemClock } from '../../dist/src/kernel/system-clock.js'
import { quantile } from '../lib/statistics.mjs'
import { driver } from '../starting/by-hand.mjs'

/** @typedef {import('greenroom/kit').Store} Store */

const TURNS = 2_000
const BATCHES = 15
const [kind = '', number = ''] = process.argv.slice(2)
const count = Number(number)
const figures = kind === 'keys' ? await withKeys() : await withSessions()
process.stdout.write(JSON.stringify(figures), () => process.exit(0))

/** All are idle; some have keys. */
async function withSessions() {
  const pool = await createPool({
    driver: driver(0), size: { min: count, max: count, spare: 0 }, timeouts: { start: '5m', idle: false }, isolation: 'none',
  })
  const since = performance.now()
  await pool.ready()
  const ready = (performance.now() - since) / 1_000
  for (let n = 0; n < count / 2; n++) (await pool.acquire({ key: `key-${n}` })).release()
  const found = { 'any session': await cost(pool, () => ({})), 'the session of a key': await cost(pool, (n) => ({ key: `key-${n % (count / 2)}` })), 'ready, s': ready }
  await pool.close({ grace: 0 })
  return found
}

/** Ten sessions in memory, each with a key; the state of all other keys is in the store, of a hundred tenants. */
async function withKeys() {
  const world = createInMemoryWorld({ clock: systemClock, capabilities: { park: true, ping: true } })
  const pool = await world.createPool({
    size: { max: 20, spare: 0 }, timeouts: { idle: false },
    // A store of the bench's own has no options type.
    store: /** @type {'memory'} */ ('known'), plugins: [await known(count - 10)],
  })
  const caller = (/** @type {number} */ n) => ({ tenant: `tenant-${n % 100}`, key: `key-${count - 1 - (n % 10)}` })
  for (let n = 0; n < 10; n++) (await pool.acquire(caller(n))).release()
  const found = { 'the session of a key': await cost(pool, (n) => caller(n % 10)) }
  const { parked, acquires } = pool.getPoolStats()
  if (parked !== count - 10 || acquires.sameKey < TURNS) throw new Error(`${parked} of ${count} keys are parked, ${acquires.sameKey} acquires found theirs`)
  await pool.close({ grace: 0 })
  return found
}

/** The bundled store, with the state of so many keys in it. @param {number} keys */
async function known(keys) {
  return definePlugin({
    name: 'known',
    async apply(kernel) {
      /** @type {Store | undefined} */
      let store
      const strategy = (/** @type {string} */ _kind, /** @type {string} */ _name, /** @type {{ create(options: object): Store }} */ definition) => {
        store = definition.create({})
      }
      void memory.apply(/** @type {import('greenroom/kit').Kernel} */ (/** @type {unknown} */ ({ strategy })))
      const filled = store
      if (!filled) throw new Error('the plugin registers no store when it is applied')
      for (let n = 0; n < keys; n++) await filled.put({ tenant: `tenant-${n % 100}`, key: `key-${n}`, token: '[]', parkedAt: 0 })
      kernel.strategy('store', /** @type {'memory'} */ ('known'), { description: 'Filled.', options: z.strictObject({}), create: () => filled })
    },
  })
}

/** The median of some batches. @param {import('greenroom').Pool} pool @param {(n: number) => import('greenroom').AcquireOptions} who */
async function cost(pool, who) {
  const batches = []
  for (let batch = 0; batch < BATCHES; batch++) {
    const before = process.cpuUsage()
    for (let n = 0; n < TURNS; n++) (await pool.acquire(who(n))).release()
    const { user, system } = process.cpuUsage(before)
    batches.push((user + system) / TURNS)
  }
  return quantile(batches.slice(3), 0.5)
}
