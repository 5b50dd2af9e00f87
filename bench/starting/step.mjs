// `node step.mjs greenroom|WIDTH CALLERS START_MS`: prints after how many milliseconds the first, 95 % and all have a process, as JSON.
import { createPool } from 'greenroom'
import { driver, start } from './by-hand.mjs'

const [who = '', count = '', startMs = ''] = process.argv.slice(2)
const callers = Number(count)
/** @type {number[]} */
const times = []

if (who === 'greenroom') {
  const pool = await createPool({ driver: driver(Number(startMs)), size: { max: callers, spare: 0 } })
  const since = performance.now()
  const leases = await Promise.all(Array.from({ length: callers }, async (_, n) => {
    const lease = await pool.acquire({ tenant: `tenant-${n}` })
    await lease.request({ n })
    times.push(performance.now() - since)
    return lease
  }))
  for (const lease of leases) lease.destroy()
  await pool.close({ grace: 0 })
} else {
  const since = performance.now()
  /** @type {Awaited<ReturnType<typeof start>>[]} */
  const all = []
  let next = 0
  await Promise.all(Array.from({ length: Number(who) }, async () => {
    while (next++ < callers) {
      const child = await start(Number(startMs))
      all.push(child)
      await child.ask({ n: next })
      times.push(performance.now() - since)
    }
  }))
  await Promise.all(all.map((child) => child.end()))
}
times.sort((a, b) => a - b)
const at = (/** @type {number} */ share) => times[Math.ceil(share * callers) - 1]
process.stdout.write(JSON.stringify({ first: times[0], most: at(0.95), all: at(1) }), () => process.exit(0))
