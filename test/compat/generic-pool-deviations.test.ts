import genericPool from 'generic-pool'
import { afterEach, beforeAll, describe, expect } from 'vitest'
import * as facade from 'greenroom/compat/generic-pool'
import { Deviations, later, program, reaches, rejection, standing, type Thing, warmUp, Workshop } from './support.ts'

const { deviation, areThoseOfTheGuide } = new Deviations('Where greenroom/compat/generic-pool differs')
const theirs: typeof genericPool.createPool = genericPool.createPool
const ours: typeof facade.createPool = facade.createPool

const opened: facade.Pool<Thing>[] = []
afterEach(async () => {
  for (const pool of opened.splice(0)) {
    await pool.drain()
    await pool.clear()
  }
})

type Either = genericPool.Pool<Thing>

/** The same in both: what the script makes of theirs, and of ours. */
async function compare<R>(
  script: (pool: Either, workshop: Workshop) => Promise<R>,
  options: facade.Options = {},
  changes: Partial<Workshop> = {},
): Promise<{ theirs: R; ours: R }> {
  const [old, own] = [Object.assign(new Workshop(), changes), Object.assign(new Workshop(), changes)]
  const pool = ours<Thing>(own, options)
  opened.push(pool)
  return { theirs: await script(theirs<Thing>(old, options as genericPool.Options), old), ours: await script(pool, own) }
}

/** What a call throws, rejects with, or says. */
async function outcome(call: () => unknown): Promise<string> {
  try {
    return `returned ${String(await call())}`
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message
  }
}

beforeAll(warmUp)

describe('generic-pool and the facade differ', () => {
  deviation('release(), or destroy(), of what was given back already and is lent to another', async () => {
    for (const giveBack of ['release', 'destroy'] as const) {
      const result = await compare(async (pool) => {
        const first = await pool.acquire()
        await pool.release(first)
        const second = await pool.acquire()
        const again = await outcome(() => pool[giveBack](first))
        const third = pool.acquire()
        const state = await standing(third)
        if (state === 'pending') await pool.release(second)
        await pool.release(await third)
        return { again, third: state }
      }, { max: 1 })
      expect(result).toEqual({
        theirs: { again: 'returned undefined', third: 'resolved' },
        ours: { again: 'LEASE_REVOKED', third: 'pending' },
      })
    }
  })

  deviation('what acquire() gives', async () => {
    const result = await compare(async (pool, { made }) => {
      const thing = await pool.acquire()
      const lent = { itself: thing === made[0], borrowed: pool.isBorrowedResource(made[0]!) }
      await pool.release(thing)
      return { ...lent, after: await outcome(() => thing.id) }
    })
    expect(result).toEqual({ theirs: { itself: true, borrowed: true, after: 'returned 1' }, ours: { itself: false, borrowed: true, after: 'LEASE_REVOKED' } })

    const plain = ours<Thing>(new Workshop(), { handles: 'plain' })
    const thing = await plain.acquire()
    await plain.release(thing)
    expect(thing.id).toBe(1)
    await plain.clear()
  })

  deviation('create() that makes the same object twice', async () => {
    const thing = { id: 1, isGood: true }
    const result = await compare(async (pool) => {
      const first = await pool.acquire()
      const second = pool.acquire()
      const state = await standing(second)
      await pool.release(first)
      const { id } = await second
      return { state, id, again: await outcome(() => second.then((lent) => pool.release(lent))) }
    }, { max: 2 }, { create: async () => thing })
    expect(result).toEqual({
      theirs: { state: 'resolved', id: 1, again: 'Resource not currently part of this pool' },
      ours: { state: 'pending', id: 1, again: 'returned undefined' },
    })
  })

  deviation('resources that are being destroyed', async () => {
    const result = await compare(async (pool, workshop) => {
      for (let i = 0; i < 5; i++) await pool.destroy(await pool.acquire())
      return { most: workshop.peak }
    }, { max: 1 }, { destroyMs: 20 })
    expect(result.theirs.most).toBeGreaterThan(1)
    expect(result.ours.most).toBe(1)
  })

  deviation('create() that fails again and again', async () => {
    const result = await compare(async (pool, workshop) => {
      const got = await outcome(() => pool.acquire().then((thing) => pool.release(thing)))
      return { attempts: workshop.attempts, got }
    }, { max: 1 }, { failures: 50 })
    expect(result).toEqual({ theirs: { attempts: 51, got: 'returned undefined' }, ours: { attempts: 5, got: 'BREAKER_OPEN' } })
  })

  deviation('create() that throws at once', async () => {
    const result = await compare(async (pool) => {
      let acquire: Promise<Thing>
      try {
        acquire = pool.acquire()
      } catch (error) {
        return `threw ${(error as Error).message}`
      }
      const { id } = await acquire
      await pool.release(await acquire)
      return `lent ${id}`
    }, {}, { create: throwOnce })
    expect(result).toEqual({ theirs: 'threw at once', ours: 'lent 2' })
  })

  deviation('create() that does not end', async () => {
    let calls = 0
    const workshop = new Workshop()
    const create = (): Promise<Thing> => (calls++ === 0 ? new Promise(() => undefined) : workshop.create())
    const old = theirs<Thing>({ ...workshop, create }, { max: 1 })
    expect(await standing(old.acquire())).toBe('pending')
    expect(old.spareResourceCapacity).toBe(0)

    calls = 0
    const pool = ours<Thing>({ ...workshop, create }, { max: 1, createTimeoutMillis: 20, destroyTimeoutMillis: 20 })
    opened.push(pool)
    const failures: string[] = []
    pool.on('factoryCreateError', (error: Error) => failures.push(error.message))
    await pool.release(await pool.acquire())
    expect(failures).toEqual(['create() took longer than 20ms (createTimeoutMillis)'])
  })

  deviation('destroy() that does not end, and no destroyTimeoutMillis', async () => {
    const destroy = (): Promise<void> => new Promise(() => undefined)
    const old = theirs<Thing>({ create: new Workshop().create, destroy }, { max: 1 })
    await old.release(await old.acquire())
    expect(await standing(old.clear())).toBe('pending')
    // 5 s, too long for a test without a virtual clock: resource-pool.test.ts has it.
    const pool = ours<Thing>({ create: new Workshop().create, destroy }, { max: 1, destroyTimeoutMillis: 10 })
    await pool.release(await pool.acquire())
    await pool.clear()
  })

  deviation('validate() that fails or does not end', async () => {
    const old = await program(`
      const pool = require('generic-pool').createPool(
        { create: async () => ({}), destroy: async () => {}, validate: async () => { throw new Error('not valid') } }, { testOnBorrow: true })
      pool.acquire()
      setTimeout(() => {}, 1000)`)
    expect(old.code).toBe(1)
    expect(old.stderr).toContain('not valid')

    let calls = 0
    const problems: unknown[] = []
    const workshop = new Workshop()
    const pool = ours<Thing>({ ...workshop, validate: () => (calls++ === 0 ? Promise.reject(new Error('not valid')) : true) }, { testOnBorrow: true })
    opened.push(pool)
    pool.on('problem', (problem: Error, where: string) => problems.push(`${where}: ${problem.message}`))
    await pool.release(await pool.acquire())
    await reaches(() => [workshop.destroyed, problems], [[1], ['validate(): not valid']])
  })

  deviation('validate() that refuses what create() has just made', async () => {
    const result = await compare(async (pool, workshop) => {
      const got = await outcome(() => pool.acquire().then((thing) => pool.release(thing)))
      return { made: workshop.made.length, got }
    }, { testOnBorrow: true }, { duds: 50 })
    expect(result).toEqual({ theirs: { made: 51, got: 'returned undefined' }, ours: { made: 5, got: 'BREAKER_OPEN' } })
  })

  deviation('testOnBorrow without validate', async () => {
    const { create, destroy } = new Workshop()
    const old = theirs<Thing>({ create, destroy }, { testOnBorrow: true })
    await old.ready()
    expect(await standing(old.acquire())).toBe('pending')
    expect(await outcome(() => ours<Thing>({ create, destroy }, { testOnBorrow: true }))).toBe('CONFIG_INVALID')
  })

  deviation('testOnReturn', async () => {
    const result = await compare(async (pool, workshop) => {
      const thing = await pool.acquire()
      thing.isGood = false
      await pool.release(thing)
      await reaches(() => pool.available + workshop.destroyed.length, 1)
      return { destroyed: workshop.destroyed.length }
    }, { testOnReturn: true })
    expect(result).toEqual({ theirs: { destroyed: 0 }, ours: { destroyed: 1 } })
  })

  deviation('clear()', async () => {
    const result = await compare(async (pool) => {
      await pool.release(await pool.acquire())
      await pool.clear()
      const left = pool.available
      const next = await pool.acquire()
      const { id } = next
      await pool.release(next)
      return { left, next: id }
    })
    expect(result).toEqual({ theirs: { left: 1, next: 1 }, ours: { left: 0, next: 2 } })
  })

  deviation('options that are unknown or out of range', async () => {
    const wrong: [unknown, RegExp][] = [
      [{ maxx: 3 }, /maxx: unknown option "maxx", did you mean "max"\?/],
      [{ max: 0 }, /max: /],
      [{ max: 'many' }, /max: /],
      [{ min: -1 }, /min: /],
      [{ idleTimeoutMillis: -5 }, /idleTimeoutMillis: /],
      [{ fifo: 'yes' }, /fifo: /],
      [{ handles: 'none' }, /handles: /],
    ]
    for (const [options, message] of wrong) {
      theirs<Thing>(new Workshop(), options as genericPool.Options)
      const refused = (): unknown => ours<Thing>(new Workshop(), options as facade.Options)
      expect(refused).toThrow(message)
      expect(await outcome(refused)).toBe('CONFIG_INVALID')
    }
  })

  deviation('the option Promise', () => {
    class Other<T> extends Promise<T> {}
    const options = { Promise: Other } as facade.Options
    expect(theirs<Thing>(new Workshop(), options as genericPool.Options).ready()).toBeInstanceOf(Other)
    expect(() => ours<Thing>(new Workshop(), options)).toThrow(/Promise: other promises than the native ones/)
    opened.push(ours<Thing>(new Workshop(), { Promise }))
  })

  deviation('ready()', async () => {
    const result = await compare(async (pool) => {
      const thing = await pool.acquire()
      const state = await standing(pool.ready())
      await pool.release(thing)
      return state
    }, { max: 1, min: 1 })
    expect(result).toEqual({ theirs: 'pending', ours: 'resolved' })

    const pool = ours<Thing>(new Workshop(), { min: 1, autostart: false })
    opened.push(pool)
    const ready = pool.ready()
    expect(await standing(ready)).toBe('pending')
    pool.start()
    await ready

    const failing = ours<Thing>(Object.assign(new Workshop(), { failures: 50 }), { min: 1 })
    const error = await rejection(failing.ready())
    expect(error).toMatchObject({ code: 'BREAKER_OPEN', message: expect.stringContaining('no thing at attempt 5') })
    await failing.drain()
    await failing.clear()
  })

  deviation('use() with work that throws at once, or returns no promise', async () => {
    const result = await compare(async (pool) => {
      const said = await outcome(() => pool.use(({ id }) => id))
      return { said: said === 'returned 1', borrowed: pool.borrowed }
    })
    expect(result).toEqual({ theirs: { said: false, borrowed: 1 }, ours: { said: true, borrowed: 0 } })
    const thrown = await compare(async (pool) => {
      await outcome(() => pool.use(() => {
        throw new Error('at once')
      }))
      return { borrowed: pool.borrowed }
    })
    expect(thrown).toEqual({ theirs: { borrowed: 1 }, ours: { borrowed: 0 } })
  })

  deviation('min during drain()', async () => {
    const result = await compare(async (pool, workshop) => {
      await pool.ready()
      const thing = await pool.acquire()
      const drained = pool.drain()
      await pool.destroy(thing)
      await drained
      await reaches(() => workshop.destroyed, [1])
      await later(40)
      return pool.size
    }, { max: 1, min: 1 })
    expect(result).toEqual({ theirs: 0, ours: 1 })
  })

  deviation('figures right after createPool() or acquire()', async () => {
    const pool = ours<Thing>(new Workshop(), { max: 2, min: 2 })
    opened.push(pool)
    expect([theirs<Thing>(new Workshop(), { max: 2, min: 2 }).size, pool.size]).toEqual([2, 0])
    await pool.ready()
    expect(pool.size).toBe(2)
  })

  deviation('listeners that throw', async () => {
    const old = await program(`
      const pool = require('generic-pool').createPool({ create: async () => { throw new Error('no') }, destroy: async () => {} })
      pool.on('factoryCreateError', () => { throw new Error('the listener') })
      pool.acquire()
      setTimeout(() => {}, 1000)`)
    expect(old.code).toBe(1)
    expect(old.stderr).toContain('the listener')

    const warnings: string[] = []
    const hear = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', hear)
    const pool = ours<Thing>(Object.assign(new Workshop(), { failures: 1 }))
    opened.push(pool)
    const heard: string[] = []
    pool.on('factoryCreateError', () => {
      throw new Error('the listener')
    })
    pool.on('factoryCreateError', (error: Error) => heard.push(error.message))
    await pool.release(await pool.acquire())
    await reaches(() => warnings, ['a listener of "factoryCreateError": the listener'])
    process.off('warning', hear)
    expect(heard).toEqual(['no thing at attempt 1'])
  })

  deviation('errors', async () => {
    const result = await compare(async (pool) => {
      await pool.ready()
      const thing = await pool.acquire()
      const late = await rejection(pool.acquire())
      const drained = pool.drain()
      const draining = await rejection(pool.acquire())
      await pool.release(thing)
      await drained
      return [late, draining].map(({ name, code }) => ({ name, code }))
    }, { max: 1, acquireTimeoutMillis: 200 })
    expect(result).toEqual({
      theirs: [{ name: 'TimeoutError', code: undefined }, { name: 'Error', code: undefined }],
      ours: [{ name: 'GreenroomError', code: 'ACQUIRE_TIMEOUT' }, { name: 'GreenroomError', code: 'POOL_DRAINING' }],
    })
    const late = await compare(async (pool) => {
      await pool.ready()
      const error = await rejection(pool.acquire())
      return { saysWhy: error.message.includes('no thing at attempt'), cause: (error.cause as Error | undefined)?.message }
    }, { max: 1, acquireTimeoutMillis: 200, destroyTimeoutMillis: 10 }, { create: neverMade })
    expect(late).toEqual({ theirs: { saysWhy: false, cause: undefined }, ours: { saysWhy: true, cause: 'no thing at attempt 1' } })
    expect(await outcome(() => ours({ create: 1 } as unknown as facade.Factory<Thing>))).toBe('CONFIG_INVALID')
  })

  deviation('what is exported, and new Pool()', () => {
    expect(Object.keys(genericPool).sort()).toEqual(['DefaultEvictor', 'Deque', 'Pool', 'PriorityQueue', 'createPool'])
    expect(Object.keys(facade).sort()).toEqual(['Pool', 'createPool', 'default'])
    expect(Object.keys(facade.default).sort()).toEqual(['Pool', 'createPool'])
    const pool = ours<Thing>(new Workshop())
    expect(pool).toBeInstanceOf(facade.Pool)
    opened.push(pool)
  })
})

describe('the deviations', areThoseOfTheGuide)

function throwOnce(this: Workshop): Promise<Thing> {
  if (++this.attempts === 1) throw new Error('at once')
  return Promise.resolve({ id: this.attempts, isGood: true })
}

/** Fails once, then hangs: so that the back-off does not end the test before its time-out does. */
function neverMade(this: Workshop): Promise<Thing> {
  return this.attempts++ === 0 ? Promise.reject(new Error('no thing at attempt 1')) : new Promise(() => undefined)
}
