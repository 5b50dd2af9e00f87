// One contestant of the warmth scenario: `node measure.mjs CONTESTANT`. Prints milliseconds as JSON.
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'greenroom'
import { medians } from '../lib/statistics.mjs'
import { driver, start } from '../starting/by-hand.mjs'

const TIMES = 12
const IDLE_MS = 20

const [name = ''] = process.argv.slice(2)
const measure = name === 'by hand' ? byHand : name === 'greenroom' ? greenroom : peer
const rounds = []
// The first round is for what is loaded once.
for (let n = 0; n <= TIMES; n++) rounds.push(await measure(n))
process.stdout.write(JSON.stringify(medians(rounds.slice(1))), () => process.exit(0))

/** @param {() => Promise<unknown>} work */
async function time(work) {
  const since = performance.now()
  await work()
  return performance.now() - since
}

async function byHand() {
  /** @type {Awaited<ReturnType<typeof start>> | undefined} */
  let child
  const cold = await time(async () => {
    child = await start(0)
    await child.ask({ n: 1 })
  })
  await sleep(IDLE_MS)
  const later = await time(async () => child?.ask({ n: 2 }))
  await child?.end()
  return { 'started for the caller': cold, later }
}

/** @param {number} n */
async function greenroom(n) {
  const base = driver(0)
  // The question it is ready by is one as it will be asked, so that the program has once done all that an answer takes.
  const pool = await createPool({ driver: { ...base, ready: { send: { warm: true }, expect: { warm: true } } }, size: { max: 2, spare: 0 }, timeouts: { close: '1s' } })
  const cold = await time(() => pool.request({ n }, { tenant: 'cold' }))
  await pool.warm(1)
  await sleep(IDLE_MS)
  const lease = { current: /** @type {import('greenroom').Lease | undefined} */ (undefined) }
  const spare = await time(async () => {
    lease.current = await pool.acquire({ tenant: 'warm', key: 'one' })
    await lease.current.request({ n })
  })
  lease.current?.release()
  await sleep(IDLE_MS)
  const later = await time(() => pool.request({ n }, { tenant: 'warm', key: 'one' }))
  await pool.close({ grace: 0 })
  return { 'started for the caller': cold, 'a spare': spare, later }
}

/** A process of another pool that was started ahead and has answered. */
async function peer() {
  /** @type {typeof import('../peers/requesting/pool.d.mts')} */
  const { open } = await import(`../peers/requesting/${name}.mjs`)
  const since = performance.now()
  const pool = await open({ processes: 1 })
  await pool.request({ n: 0 })
  const cold = performance.now() - since
  await sleep(IDLE_MS)
  const later = await time(() => pool.request({ n: 1 }))
  await pool.close()
  return { 'started for the caller': cold, later }
}
