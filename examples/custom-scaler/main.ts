// Leases are taken one after the other; the scaler of the config grows the pool three sessions at a time.
import { createPool, type Lease } from 'greenroom'
import config from './greenroom.config.ts'

const pool = await createPool(config)
const leases: Lease[] = []

try {
  for (let held = 1; held <= 5; held++) {
    leases.push(await pool.acquire())
    // The decision came in the same turn of the event loop as its cause; its processes are starting now.
    await new Promise((resolve) => setImmediate(resolve))
    console.log(held, held === 1 ? 'lease, ' : 'leases,', pool.getPoolStats().size, 'sessions')
  }

  console.log('\nwhy:')
  for (const { reason } of pool.decisions().filter(({ kind }) => kind === 'scale')) console.log(' ', reason)
} finally {
  for (const lease of leases) lease.release()
  await pool.close()
}
