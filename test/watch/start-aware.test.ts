import { describe, expect, it } from 'vitest'
import type { Scaler, ScaleView } from '../../src/contracts/index.ts'
import { z } from '../../src/contracts/index.ts'
import { type Scene, type SceneOptions, scene, states, watched } from '../pool/scene.ts'

/** Holds sessions for so long, one after the other, so that the pool knows how long leases take. */
async function learn({ pool, clock }: Scene, holdMs: number, times = 3): Promise<void> {
  for (let time = 0; time < times; time++) {
    const lease = await pool.acquire()
    await clock.advance(holdMs)
    lease.release()
    await clock.settle()
  }
}

async function tasks({ pool, clock }: Scene, count: number, ms: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => pool.use(() => new Promise<void>((resolve) => void clock.setTimer(resolve, ms)))))
}

/** A scaler that keeps what it sees. */
function looking(views: ScaleView[], decide: Scaler['decide']): NonNullable<SceneOptions['apply']> {
  return (kernel) => kernel.strategy('scaler', 'looks', {
    description: 'test',
    options: z.strictObject({}),
    create: () => ({
      decide: (view, trigger) => {
        const { freeing, arrivals } = view
        views.push({ ...view, freeing, arrivals })
        return decide(view, trigger)
      },
    }),
  })
}

describe('a pool that knows how long starts and leases take', () => {
  it('starts at most 10 more for 50 tasks of 5 ms on one warm session', async () => {
    const made = await scene({ isolation: 'none', size: { max: 50, spare: 1, starting: 50 } }, { behaviour: { start: { ms: 500 } } })
    await made.clock.advance(500)
    await learn(made, 5)
    await made.clock.advance(1_000)
    const before = made.children.length
    const done = watched(tasks(made, 50, 5))
    await made.clock.advance(1_000)
    expect(done.state).toBe('resolved')
    expect(made.children.length - before).toBeLessThanOrEqual(10)
  })

  it('starts one for each who waits when leases take longer than starts', async () => {
    const made = await scene({ isolation: 'none', size: { max: 20, spare: 0, starting: 20 } }, { behaviour: { start: { ms: 10 } } })
    const warm = made.pool.warm(1)
    await made.clock.advance(10)
    await warm
    await learn(made, 10_000)
    const done = watched(tasks(made, 10, 10_000))
    await made.clock.advance(1)
    expect(states(made.pool).filter((state) => state === 'starting')).toHaveLength(9)
    await made.clock.advance(10_010)
    expect(done.state).toBe('resolved')
  })

  it.each([5, 400])('starts one in time for who waits behind a lease that does not end, where they took %d ms', async (ms) => {
    const made = await scene({ isolation: 'none', size: { max: 5, spare: 0 } }, { behaviour: { start: { ms: 2_000 } } })
    const warm = made.pool.warm(1)
    await made.clock.advance(2_000)
    await warm
    await learn(made, ms)
    const hung = await made.pool.acquire()
    const waits = watched(made.pool.acquire())
    await made.clock.advance(ms)
    expect(states(made.pool)).toEqual(['leased'])
    await made.clock.advance(4 * ms + 3_100)
    expect(waits.state).toBe('resolved')
    hung.release()
    waits.value!.release()
  })

  it('asks again before the tick when those who were to be free soon are not', async () => {
    const made = await scene({ isolation: 'none', size: { max: 5, spare: 0 } }, { behaviour: { start: { ms: 100 } } })
    const warm = made.pool.warm(1)
    await made.clock.advance(100)
    await warm
    await learn(made, 5)
    await made.clock.advance(1_000 - (made.clock.now() % 1_000) + 1)
    const hung = await made.pool.acquire()
    const waits = watched(made.pool.acquire())
    await made.clock.advance(210)
    expect(waits.state).toBe('resolved')
    hung.release()
    waits.value!.release()
  })
})

describe('a scaler is told', () => {
  it('how long leases are held, how long starts take, and who came', async () => {
    const views: ScaleView[] = []
    const made = await scene({ isolation: 'none', size: { max: 3 }, scaler: { use: 'looks' } as never }, {
      behaviour: { start: { ms: 40 } }, apply: looking(views, ({ busy, waiting }) => ({ target: Math.max(1, busy + waiting), reason: 'test' })),
    })
    expect(views.at(-1)).toMatchObject({ meanHoldMs: undefined, meanStartMs: undefined, arrivals: 0, shared: true })
    await made.clock.advance(40)
    await learn(made, 30, 1)
    await learn(made, 10, 1)
    await made.clock.advance(1_000)
    expect(views.at(-1)).toMatchObject({ meanHoldMs: 20, meanStartMs: 40, arrivals: 2 })
  })

  it('that a session is held until it is ready for the next caller', async () => {
    const views: ScaleView[] = []
    const made = await scene({ size: { max: 3 }, scaler: { use: 'looks' } as never }, {
      behaviour: { reset: { ms: 25 } }, apply: looking(views, ({ waiting }) => ({ target: 1 + waiting, reason: 'test' })),
    })
    await learn(made, 50, 1)
    await made.clock.advance(1_000)
    expect(views.at(-1)).toMatchObject({ meanHoldMs: 75 })
  })

  it('of arrivals only those who wanted any session, not those who came back to theirs', async () => {
    const views: ScaleView[] = []
    const made = await scene({ size: { max: 3 }, scaler: { use: 'looks' } as never }, {
      apply: looking(views, ({ waiting }) => ({ target: 2 + waiting, reason: 'test' })),
    })
    for (let time = 0; time < 3; time++) await made.pool.use({ key: 'k' }, () => undefined)
    await made.pool.use({ key: 'l' }, () => undefined)
    await made.clock.advance(1_000)
    expect(views.at(-1)).toMatchObject({ arrivals: 2, shared: false })
  })

  const freeingOf = async (config: Parameters<typeof scene>[0], acquires: readonly object[], options: SceneOptions = {}): Promise<number> => {
    const views: ScaleView[] = []
    const made = await scene({ ...config, size: { max: 9, ...config?.size }, scaler: { use: 'looks' } as never }, {
      ...options, apply: looking(views, () => ({ target: 2, reason: 'test' })),
    })
    const first = await made.pool.acquire({ tenant: 'z' })
    await made.clock.advance(50)
    first.destroy()
    await made.clock.advance(100)
    const leases = acquires.map((request) => watched(made.pool.acquire(request)))
    await made.clock.settle()
    const { freeing } = views.at(-1)!
    for (const { value } of leases) value?.release()
    await made.clock.settle()
    return freeing
  }
  const ofA = { tenant: 'a' }

  it("how many places will be free for those who wait: with isolation 'none' all busy ones", async () => {
    expect(await freeingOf({ isolation: 'none' }, [ofA, ofA, { tenant: 'b' }])).toBe(2)
    expect(await freeingOf({ isolation: 'none' }, [ofA, ofA])).toBe(0)
    expect(await freeingOf({ isolation: 'none' }, Array.from({ length: 5 }, () => ofA), { capabilities: { concurrency: 2 } })).toBe(4)
  })

  it('but not those that others wait for by key, nor those that are ended at their release', async () => {
    const keyed = { tenant: 'a', key: 'k' }
    expect(await freeingOf({ isolation: 'none' }, [keyed, ofA, keyed, ofA])).toBe(1)
    expect(await freeingOf({ isolation: 'none', maxUses: 1 }, [ofA, ofA, ofA])).toBe(0)
  })

  it("with isolation 'tenant' those of the one tenant who waits, when its sessions are reset", async () => {
    expect(await freeingOf({}, [ofA, ofA, ofA])).toBe(2)
    expect(await freeingOf({}, [{ tenant: 'b' }, ofA, ofA])).toBe(1)
    expect(await freeingOf({}, [ofA, ofA, ofA, { tenant: 'b' }])).toBe(0)
    expect(await freeingOf({}, [ofA, ofA, { tenant: 'a', key: 'k' }])).toBe(0)
    expect(await freeingOf({}, [ofA, ofA, ofA], { capabilities: { resetGuarantees: [] } })).toBe(0)
  })
})

describe('spares as a share', () => {
  it('are so much of those that are busy or spare, and one at least', async () => {
    const { pool, clock } = await scene({ size: { max: 20, spare: '20%', starting: 20 } })
    expect(pool.getPoolStats()).toMatchObject({ size: 1, limits: { spare: 1 } })
    const leases = []
    for (let count = 1; count <= 9; count++) {
      leases.push(await pool.acquire({ key: `k${count}` }))
      await clock.settle()
    }
    // 9 busy ones and 3 spares: the spares are a quarter of all, for with 2 they would be less than a fifth.
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 9, idleSessions: 3, limits: { spare: 3 } })
    for (const lease of leases) lease.release()
  })
})
