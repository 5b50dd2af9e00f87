import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInMemoryWorld, evictorContract } from 'greenroom/testing'
import favourites from '../src/index.ts'

// What every evictor must keep.
for (const { title, run } of evictorContract({ plugin: favourites, use: 'favourites', options: { tenants: ['acme'] } })) void test(title, run)

// What this one promises: a real pool, with sessions in memory and a clock that is told when to go on.
void test('a favourite keeps its session when another has one to give', async () => {
  const world = createInMemoryWorld({ capabilities: { ping: true } })
  const pool = await world.createPool({ size: { max: 2, spare: 0 }, plugins: [favourites], evictor: { use: 'favourites', tenants: ['acme'] } })
  for (const tenant of ['acme', 'globex', 'initech']) {
    const used = pool.use({ tenant, key: 'k' }, (lease) => lease.request({ op: 'read' }))
    await world.clock.advance(1_000)
    await used
  }
  assert.deepEqual(pool.getSessionMetrics().filter(({ status }) => status === 'idle').map(({ tenant }) => tenant).sort(), ['acme', 'initech'])
  const closed = pool.close()
  await world.clock.runUntilIdle()
  await closed
})
