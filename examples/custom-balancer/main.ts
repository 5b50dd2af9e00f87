// The same six requests, first with the balancer of the config, then with the default one.
import { createPool, type PoolConfig } from 'greenroom'
import config from './greenroom.config.ts'

async function run(title: string, config: PoolConfig): Promise<void> {
  const pool = await createPool(config)
  try {
    await pool.ready()
    for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) await pool.request({ text })
    console.log(title.padEnd(14), 'requests per session:', pool.getSessionMetrics().map(({ requestCount }) => requestCount).sort().join(', '))
  } finally {
    await pool.close()
  }
}

await run('most-recent', config)
await run('least-loaded', { ...config, balancer: 'least-loaded' })
