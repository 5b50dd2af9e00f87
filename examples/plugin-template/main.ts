// Three tenants, two processes: who makes room?
import { createPool } from 'greenroom'
import favourites from './src/index.ts'

const pool = await createPool({
  driver: 'node-repl',
  size: { max: 2, spare: 0 },
  plugins: [favourites],
  evictor: { use: 'favourites', tenants: ['acme'] },
})
try {
  for (const tenant of ['acme', 'globex', 'initech']) {
    await pool.request({ code: `globalThis.owner = '${tenant}'` }, { tenant, key: 'notes' })
    const keep = pool.getSessionMetrics().filter(({ status }) => status === 'idle').map((session) => session.tenant)
    console.log(`after ${tenant.padEnd(8)}`, 'sessions of', keep.join(', '))
  }
} finally {
  await pool.close()
}
