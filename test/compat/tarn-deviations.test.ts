import * as tarn from 'tarn'
import { beforeAll, describe, expect, it } from 'vitest'
import * as facade from 'greenroom/compat/tarn'
import { VirtualClock } from 'greenroom/testing'
import { Deviations, firstOf, later, provoke, reaches, rejection, standing, type Thing, warmUp, Workshop } from './support.ts'

type Options = Partial<facade.PoolOptions<Thing>>
type PoolClass = typeof facade.Pool

const { deviation, areThoseOfTheGuide } = new Deviations('Where greenroom/compat/tarn differs')
const theirs = tarn.Pool as unknown as PoolClass
const ours = facade.Pool

function open(Pool: PoolClass, workshop: Workshop, options: Options = {}): facade.Pool<Thing> {
  return new Pool<Thing>({ create: workshop.create, destroy: workshop.destroy, min: 0, max: 1, ...options })
}

/** The same in both: what the script makes of theirs, and of ours. */
async function compare<R>(
  script: (pool: facade.Pool<Thing>, workshop: Workshop) => Promise<R>,
  options: Options = {},
  changes: Partial<Workshop> = {},
): Promise<{ theirs: R; ours: R }> {
  const run = async (Pool: PoolClass): Promise<R> => {
    const workshop = Object.assign(new Workshop(), changes)
    const pool = open(Pool, workshop, options)
    const result = await script(pool, workshop)
    await pool.destroy()
    return result
  }
  return { theirs: await run(theirs), ours: await run(ours) }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const { code, message } = await rejection(promise)
  return code ?? message
}

beforeAll(warmUp)

describe('tarn and the facade differ', () => {
  deviation('release() of what was given back already and is lent to another', async () => {
    const result = await compare(async (pool) => {
      const released: number[] = []
      const first = await pool.acquire().promise
      pool.release(first)
      const second = await pool.acquire().promise
      pool.on('release', ({ id }) => released.push(id))
      const again = pool.release(first)
      const third = pool.acquire()
      const state = await standing(third.promise)
      const told = released.length
      if (state === 'pending') pool.release(second)
      pool.release(await third.promise)
      return { again, third: state, told }
    })
    expect(result).toEqual({ theirs: { again: true, third: 'resolved', told: 1 }, ours: { again: false, third: 'pending', told: 0 } })

    const logged: string[] = []
    const pool = open(ours, new Workshop(), { log: (message) => logged.push(message) })
    expect(pool.release({ id: 1, isGood: true })).toBe(false)
    expect(logged).toEqual([expect.stringMatching(/release\(\): this resource is not lent/)])
    await pool.destroy()
  })

  deviation('what acquire() gives', async () => {
    const result = await compare(async (pool, { made }) => {
      const events: Thing[] = []
      pool.on('acquireSuccess', (_id, thing) => events.push(thing))
      const thing = await pool.acquire().promise
      const itself = thing === made[0]
      pool.release(thing)
      let after: unknown
      try {
        after = thing.id
      } catch (error) {
        after = (error as { code?: string }).code
      }
      return { itself, event: events[0] === made[0], after }
    })
    expect(result).toEqual({ theirs: { itself: true, event: true, after: 1 }, ours: { itself: false, event: true, after: 'LEASE_REVOKED' } })

    const plain = open(ours, new Workshop(), { handles: 'plain' })
    const thing = await plain.acquire().promise
    plain.release(thing)
    expect(thing.id).toBe(1)
    await plain.destroy()
  })

  deviation('create() that makes the same object twice', async () => {
    const thing = { id: 1, isGood: true }
    const result = await compare(async (pool) => {
      const first = await firstOf(pool)
      const second = pool.acquire().promise
      const twice = await second.then((lent) => lent.id, (error: Error) => (error.cause as Error).message)
      pool.release(first)
      // Theirs has two places for one object.
      pool.release(first)
      return twice
    }, { max: 2, acquireTimeoutMillis: 200 }, { create: async () => thing })
    expect(result).toEqual({ theirs: 1, ours: expect.stringContaining('is in the pool already') })
  })

  deviation('resources that are being destroyed', async () => {
    const result = await compare(async (pool, workshop) => {
      for (let i = 0; i < 5; i++) {
        const thing = await pool.acquire().promise
        thing.isGood = false
        pool.release(thing)
      }
      return { most: workshop.peak }
    }, { validate: ({ isGood }) => isGood }, { destroyMs: 20 })
    expect(result.theirs.most).toBeGreaterThan(1)
    expect(result.ours.most).toBe(1)
  })

  deviation('a caller who comes while create() fails', async () => {
    const result = await compare(async (pool, workshop) => {
      const first = pool.acquire()
      await reaches(() => workshop.failures, 8)
      const second = pool.acquire()
      await later(30)
      first.abort()
      second.abort()
      await Promise.all([rejection(first.promise), rejection(second.promise)])
      return workshop.attempts
    }, { max: 2, createRetryIntervalMillis: 100_000 }, { failures: 9 })
    expect(result).toEqual({ theirs: 2, ours: 1 })
  })

  deviation('validate() that refuses what create() has just made', async () => {
    const result = await compare(async (pool, workshop) => {
      await provoke(pool, workshop)
      const error = await rejection(pool.acquire().promise)
      return { many: workshop.made.length > 2, why: error.message.includes('validate() refused') }
    }, { acquireTimeoutMillis: 300, createRetryIntervalMillis: 100_000, validate: () => false })
    expect(result).toEqual({ theirs: { many: true, why: false }, ours: { many: false, why: true } })
  })

  deviation('acquire() after destroy()', async () => {
    const run = async (Pool: PoolClass): Promise<string> => {
      const pool = open(Pool, new Workshop(), { acquireTimeoutMillis: 100 })
      await pool.destroy()
      const acquire = pool.acquire().promise
      const code = codeOf(acquire)
      return `${await standing(acquire)}, ${await code}`
    }
    expect(await run(theirs)).toBe('pending, operation timed out for an unknown reason')
    expect(await run(ours)).toBe('rejected, POOL_CLOSED')
  })

  deviation('callers who wait at destroy()', async () => {
    const result = await compare(async (pool) => {
      const first = await pool.acquire().promise
      const second = pool.acquire().promise
      const code = codeOf(second)
      const destroyed = pool.destroy()
      const state = await standing(second)
      pool.release(first)
      await destroyed
      return [state, await code]
    })
    expect(result).toEqual({ theirs: ['pending', 'aborted'], ours: ['rejected', 'POOL_CLOSED'] })
  })

  deviation('idle resources, and the host', async () => {
    const old = open(theirs, new Workshop())
    old.release(await old.acquire().promise)
    expect((old as unknown as { interval: NodeJS.Timeout }).interval.hasRef()).toBe(true)
    await old.destroy()

    const clock = new VirtualClock()
    const workshop = new Workshop()
    const pool = new ours<Thing>({ create: workshop.create, destroy: workshop.destroy, min: 0, max: 1, idleTimeoutMillis: 100_000 }, { clock })
    pool.release(await pool.acquire().promise)
    // The time-out of the acquire.
    await clock.advance(30_000)
    expect([pool.numFree(), clock.pending - clock.pendingBackground]).toEqual([1, 0])
    await pool.destroy()
  })

  deviation('figures right after acquire()', async () => {
    const result = await compare(async (pool) => {
      const acquire = pool.acquire()
      const atOnce = [pool.numPendingAcquires(), pool.numPendingCreates()]
      pool.release(await acquire.promise)
      return atOnce
    })
    expect(result).toEqual({ theirs: [1, 1], ours: [1, 0] })
  })

  deviation('what else the objects have', async () => {
    const run = async (Pool: PoolClass): Promise<unknown[]> => {
      const pool = open(Pool, new Workshop())
      const acquire = pool.acquire()
      pool.release(await acquire.promise)
      return ['resolve' in acquire, 'reject' in acquire, await pool.destroy() === undefined]
    }
    expect(await run(theirs)).toEqual([true, true, false])
    expect(await run(ours)).toEqual([false, false, true])
    expect(Object.keys(facade).sort()).toEqual(['Pool', 'TimeoutError', 'default'])
    expect(facade.default).toEqual({ Pool: facade.Pool, TimeoutError: facade.TimeoutError })
  })

  deviation('errors', async () => {
    const result = await compare(async (pool, workshop) => {
      await provoke(pool, workshop)
      const late = await rejection(pool.acquire().promise)
      return { name: late.name, code: late.code, message: late.message, cause: (late.cause as Error | undefined)?.message }
    }, { acquireTimeoutMillis: 200, createRetryIntervalMillis: 10_000 }, { failures: 9 })
    expect(result).toEqual({
      theirs: { name: 'Error', code: undefined, message: expect.stringMatching(/^no thing at attempt \d+$/), cause: undefined },
      ours: {
        name: 'GreenroomError', code: 'ACQUIRE_TIMEOUT',
        message: 'no resource came free within 200ms; the last one could not be created: no thing at attempt 1',
        cause: 'no thing at attempt 1',
      },
    })
    const aborted = await compare(async (pool) => {
      const acquire = pool.acquire()
      acquire.abort()
      return await codeOf(acquire.promise)
    })
    expect(aborted).toEqual({ theirs: 'aborted', ours: 'ACQUIRE_ABORTED' })
    const wrong = { create() {}, destroy() {}, min: 0, max: 1, idleTimeoutMilis: 5 } as unknown as facade.PoolOptions<Thing>
    expect(() => new theirs(wrong)).toThrow('Tarn: unsupported option opt.idleTimeoutMilis')
    expect(() => new ours(wrong)).toThrow(/unknown option "idleTimeoutMilis", did you mean "idleTimeoutMillis"\?/)
  })
})

describe('the deviations', areThoseOfTheGuide)

it('what log() throws harms nobody', async () => {
  const pool = open(ours, new Workshop(), {
    log: () => {
      throw new Error('the log is full')
    },
  })
  expect(pool.release({ id: 1, isGood: true })).toBe(false)
  await pool.destroy()
})
