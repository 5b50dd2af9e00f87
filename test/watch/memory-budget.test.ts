import { describe, expect, it } from 'vitest'
import { type Pool, type PoolConfig, type ProcessUsage, z } from '../../src/contracts/index.ts'
import { notesOf, scene, states, watched, write } from '../pool/scene.ts'

const MB = 2 ** 20

/** A pool whose sampler says of each process what `use` says; proportional memory, where it is known, is a share of it. */
async function open(size: PoolConfig['size'], use: (pid: number) => number | undefined, { share, park = false }: { share?: number; park?: boolean } = {}) {
  return scene({ size: { spare: 0, max: 10, ...size }, metrics: { use: 'told', every: '1s' } as never, timeouts: { acquire: '5m', silence: false } }, {
    ...(park && { capabilities: { park: true } }),
    apply(kernel) {
      const sample = async (pids: readonly number[]) => {
        const known = pids.map((pid) => [pid, use(pid)] as const).filter((entry): entry is [number, number] => entry[1] !== undefined)
        return new Map<number, ProcessUsage>(known.map(([pid, memoryBytes]) => [pid, { memoryBytes }]))
      }
      const proportional = async (pids: readonly number[]) => new Map(pids.map((pid) => [pid, (use(pid) ?? 0) * share!]))
      kernel.strategy('metrics', 'told', {
        description: 'test', options: z.strictObject({}), create: () => ({ sample, ...(share !== undefined && { proportional }) }),
      })
    },
  })
}

function evictions(pool: Pool): string[] {
  return pool.decisions().filter(({ kind }) => kind === 'evict').map(({ reason }) => reason)
}

describe('size.memory', () => {
  it('lets as many sessions start as it carries by what those that are here use', async () => {
    const { pool, clock } = await open({ memory: 500 * MB, starting: 2 }, () => 100 * MB)
    const leases = Array.from({ length: 8 }, (_, n) => watched(pool.acquire({ key: `k${n}` })))
    await clock.settle()
    // Nothing is known yet: as many as may start at once.
    expect(pool.getPoolStats().size).toBe(2)
    await clock.advance(5_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 5, waiting: 3, limits: { affordable: 5 } })
    leases.find(({ value }) => value)!.value!.destroy()
    await clock.advance(2_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 5, waiting: 2 })
  })

  it('has idle sessions leave, spares first, when the others have grown beyond it', async () => {
    let each = 100 * MB
    const { pool, clock } = await open({ memory: 500 * MB, spare: 2, starting: 8 }, () => each)
    const held = await pool.acquire({ key: 'held' })
    for (const key of ['k1', 'k2']) await pool.use({ key }, (lease) => lease.request(write(key)))
    await clock.advance(1_000)
    expect(states(pool)).toEqual(['idle', 'idle', 'idle', 'idle', 'leased'])
    each = 150 * MB
    await clock.advance(2_000)
    expect(pool.getSessionMetrics().map(({ key }) => key).sort()).toEqual(['held', 'k1', 'k2'])
    expect(evictions(pool)).toEqual([
      'all sessions together use 250MB more than 500MB (size.memory)', 'all sessions together use 100MB more than 500MB (size.memory)',
    ])
    expect(held.signal.aborted).toBe(false)
  })

  it('parks the keys it sends away, which find their state again', async () => {
    let each = 100 * MB
    const { pool, clock } = await open({ memory: 300 * MB, starting: 8 }, () => each, { park: true })
    for (const key of ['k1', 'k2', 'k3']) await pool.use({ key }, (lease) => lease.request(write(key)))
    await clock.advance(1_000)
    each = 290 * MB
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 1, parked: 2 })
    const lease = watched(pool.acquire({ key: 'k1' }))
    await clock.advance(1_000)
    expect(await notesOf(lease.value!)).toEqual(['k1'])
  })

  it('never ends a busy session, and serves those who wait one after the other', async () => {
    const { pool, clock } = await open({ memory: 100 * MB, starting: 4 }, () => 90 * MB)
    const first = Array.from({ length: 4 }, (_, n) => watched(pool.acquire({ key: `k${n}` })))
    await clock.advance(3_000)
    expect(first.map(({ state }) => state)).toEqual(Array(4).fill('resolved'))
    for (const { value } of first) expect(value!.signal.aborted).toBe(false)
    const late = watched(pool.acquire({ key: 'late' }))
    for (const { value } of first) value!.release()
    await clock.advance(5_000)
    expect(late.state).toBe('resolved')
    expect(pool.getPoolStats().size).toBe(1)
  })

  it('yields to size.min, and to the one session without which nobody is served', async () => {
    const poor = await open({ memory: 10 * MB }, () => 90 * MB)
    const lease = watched(poor.pool.acquire({ key: 'k' }))
    await poor.clock.advance(3_000)
    expect(lease.state).toBe('resolved')
    const { pool, clock } = await open({ memory: 10 * MB, min: 3, starting: 8 }, () => 90 * MB)
    await clock.advance(5_000)
    expect(states(pool)).toEqual(['idle', 'idle', 'idle'])
    expect(evictions(pool)).toEqual([])
  })

  it('goes by proportional memory where it is known, and takes the others in the same proportion', async () => {
    const { pool, clock } = await open({ memory: 500 * MB, starting: 8 }, () => 100 * MB, { share: 0.5 })
    for (let n = 0; n < 10; n++) watched(pool.acquire({ key: `k${n}` }))
    // One of them has its turn in each sweep.
    await clock.advance(1_000)
    await clock.advance(5_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 10, limits: { affordable: 10 } })
    expect(evictions(pool)).toEqual([])
  })

  it('counts a session that could not be measured as the mean of the others, and decides nothing while none was', async () => {
    let known = false
    const pids: number[] = []
    const { pool, clock } = await open({ memory: 400 * MB, starting: 3 }, (pid) => {
      if (!pids.includes(pid)) pids.push(pid)
      return known && pids.indexOf(pid) !== 1 ? 100 * MB : undefined
    })
    for (let n = 0; n < 6; n++) watched(pool.acquire({ key: `k${n}` }))
    await clock.advance(4_000)
    expect(pool.getPoolStats().size).toBe(3)
    known = true
    await clock.advance(4_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 4, limits: { affordable: 4 } })
  })
})
