import genericPool from 'generic-pool'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import * as facade from 'greenroom/compat/generic-pool'
import { later, reaches, rejection, standing, type Thing, warmUp, Workshop } from './support.ts'

type CreatePool = typeof genericPool.createPool
type Pool = genericPool.Pool<Thing>

// That this needs no cast shows that programs written for the one compile with the other.
const both: [string, CreatePool][] = [['generic-pool', genericPool.createPool], ['the facade', facade.createPool]]

beforeAll(warmUp)

describe.each(both)('%s', (_name, createPool) => {
  const pools: Pool[] = []

  function open(options?: genericPool.Options & { destroyTimeoutMillis?: number }, changes: Partial<Workshop> = {}): { pool: Pool; workshop: Workshop } {
    const workshop = Object.assign(new Workshop(), changes)
    const pool = createPool<Thing>(workshop, options)
    pools.push(pool)
    return { pool, workshop }
  }

  afterEach(async () => {
    for (const pool of pools.splice(0)) {
      expect([pool.borrowed, pool.pending], 'every test gives back what it has').toEqual([0, 0])
      await pool.drain()
      await pool.clear()
    }
  })

  it('makes what is asked for, up to max, and no more', async () => {
    const { pool, workshop } = open({ max: 2 })
    const [a, b] = await Promise.all([pool.acquire(), pool.acquire()])
    const third = pool.acquire()
    expect(await standing(third)).toBe('pending')
    expect([pool.size, pool.available, pool.borrowed, pool.pending, pool.spareResourceCapacity, pool.max, pool.min]).toEqual([2, 0, 2, 1, 0, 2, 0])
    await pool.release(a)
    expect((await third).id).toBe(1)
    await pool.release(b)
    await pool.release(await third)
    expect([pool.size, pool.available, pool.borrowed, pool.pending, pool.spareResourceCapacity]).toEqual([2, 2, 0, 0, 0])
    expect(workshop.made.length).toBe(2)
  })

  it('makes one when it is told nothing', async () => {
    const { pool } = open()
    expect([pool.max, pool.min]).toEqual([1, 0])
    await pool.release(await pool.acquire())
    expect(pool.size).toBe(1)
  })

  it('hands a release over within the call: the figures are right at once', async () => {
    const { pool } = open({ max: 1 })
    const first = await pool.acquire()
    const second = pool.acquire()
    expect([pool.borrowed, pool.available, pool.pending]).toEqual([1, 0, 1])
    void pool.release(first)
    expect([pool.borrowed, pool.available, pool.pending]).toEqual([1, 0, 0])
    void pool.release(await second)
    expect([pool.borrowed, pool.available, pool.pending]).toEqual([0, 1, 0])
  })

  it('serves those who wait in the order they came', async () => {
    const { pool } = open({ max: 1 })
    const holder = await pool.acquire()
    const order: string[] = []
    const callers = ['a', 'b', 'c'].map((name) => pool.acquire().then(async (thing) => {
      order.push(name)
      await pool.release(thing)
    }))
    await pool.release(holder)
    await Promise.all(callers)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('serves priority 0 first, and what is out of the range last', async () => {
    const { pool } = open({ max: 1, priorityRange: 3 })
    const holder = await pool.acquire()
    const order: (number | undefined)[] = []
    const callers = [2, 9, 1, undefined, -1, 0].map((priority) => pool.acquire(priority).then(async (thing) => {
      order.push(priority)
      await pool.release(thing)
    }))
    await pool.release(holder)
    await Promise.all(callers)
    expect(order).toEqual([undefined, 0, 1, 2, 9, -1])
  })

  it.each([[true, [1, 2, 3]], [false, [3, 2, 1]]])('with fifo %s lends the idle ones in the order %j', async (fifo, expected) => {
    const { pool } = open({ max: 3, fifo })
    const things = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const thing of things.toSorted((a, b) => a.id - b.id)) await pool.release(thing)
    const again = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    expect(again.map(({ id }) => id)).toEqual(expected)
    for (const thing of again) await pool.release(thing)
  })

  it('makes min ahead, and keeps them when one is destroyed', async () => {
    const { pool, workshop } = open({ max: 4, min: 2 })
    await pool.ready()
    expect([pool.available, workshop.made.length]).toEqual([2, 2])
    await pool.destroy(await pool.acquire())
    await reaches(() => [pool.available, workshop.made.length], [2, 3])
  })

  it('takes a min of more than max for max', () => {
    expect(open({ max: 2, min: 5 }).pool.min).toBe(2)
  })

  it('makes nothing before start() when autostart is false', async () => {
    const { pool, workshop } = open({ min: 1, autostart: false })
    await later(20)
    expect(workshop.attempts).toBe(0)
    pool.start()
    await reaches(() => pool.available, 1)
  })

  it('starts at the first acquire() when autostart is false', async () => {
    const { pool, workshop } = open({ max: 3, min: 2, autostart: false })
    await pool.release(await pool.acquire())
    await reaches(() => [pool.available, workshop.made.length], [2, 2])
  })

  it('refuses callers beyond maxWaitingClients, and only while they would have to wait', async () => {
    const { pool } = open({ max: 1, maxWaitingClients: 1 })
    const first = await pool.acquire()
    const second = pool.acquire()
    expect((await rejection(pool.acquire())).message).toMatch(/waiting/i)
    await pool.release(first)
    await pool.release(await second)
    await pool.release(await pool.acquire())
  })

  it('counts who waits for a create() among maxWaitingClients', async () => {
    const { pool } = open({ max: 1, maxWaitingClients: 1 })
    const first = pool.acquire()
    await rejection(pool.acquire())
    await pool.release(await first)
  })

  it('with a maxWaitingClients of 0 lends what there is, and lets nobody wait', async () => {
    const { pool } = open({ max: 2, maxWaitingClients: 0 })
    const things = await Promise.all([pool.acquire(), pool.acquire()])
    await rejection(pool.acquire())
    for (const thing of things) await pool.release(thing)
    await pool.release(await pool.acquire())
  })

  it('rejects at the acquire time-out; what comes free later goes to the next', async () => {
    const { pool } = open({ max: 1, acquireTimeoutMillis: 200 })
    // Until it has opened, which takes its time under load.
    await pool.ready()
    const first = await pool.acquire()
    await rejection(pool.acquire())
    const third = pool.acquire()
    await pool.release(first)
    expect((await third).id).toBe(1)
    await pool.release(await third)
    expect([pool.available, pool.borrowed]).toEqual([1, 0])
  })

  it('with testOnBorrow destroys what is not valid, and lends another', async () => {
    const { pool, workshop } = open({ max: 1, testOnBorrow: true })
    const first = await pool.acquire()
    first.isGood = false
    await pool.release(first)
    const second = pool.acquire()
    expect([pool.borrowed, pool.available, pool.pending]).toEqual([0, 0, 1])
    expect((await second).id).toBe(2)
    expect([pool.borrowed, pool.available, pool.pending]).toEqual([1, 0, 0])
    await reaches(() => workshop.destroyed, [1])
    await pool.release(await second)
  })

  it('without testOnBorrow lends what there is', async () => {
    const { pool } = open({ max: 1 })
    const first = await pool.acquire()
    first.isGood = false
    await pool.release(first)
    const second = await pool.acquire()
    expect(second.id).toBe(1)
    await pool.release(second)
  })

  it('destroys what it is told to, and makes another for who waits', async () => {
    const { pool, workshop } = open({ max: 1 })
    const first = await pool.acquire()
    const second = pool.acquire()
    await pool.destroy(first)
    expect((await second).id).toBe(2)
    expect(workshop.destroyed).toEqual([1])
    await pool.release(await second)
  })

  it('takes back only what is lent', async () => {
    const { pool } = open()
    const stranger = { id: 7, isGood: true }
    await rejection(pool.release(stranger))
    await rejection(pool.destroy(stranger))
    const thing = await pool.acquire()
    expect([pool.isBorrowedResource(thing), pool.isBorrowedResource(stranger)]).toEqual([true, false])
    await pool.release(thing)
    expect(pool.isBorrowedResource(thing)).toBe(false)
    await rejection(pool.release(thing))
    await rejection(pool.destroy(thing))
    expect(pool.available).toBe(1)
  })

  it('use() releases when the work is done', async () => {
    const { pool } = open()
    expect(await pool.use(async ({ id }) => {
      expect(pool.borrowed).toBe(1)
      return id * 10
    })).toBe(10)
    expect([pool.borrowed, pool.available]).toEqual([0, 1])
  })

  it('use() destroys when the work fails, and rejects with what it failed with', async () => {
    const { pool, workshop } = open()
    const failure = new Error('the work failed')
    expect(await rejection(pool.use(() => Promise.reject(failure)))).toBe(failure)
    await reaches(() => workshop.destroyed, [1])
  })

  it('tells of a create() that failed, and tries again', async () => {
    const { pool } = open({ max: 1 }, { failures: 2 })
    const told: unknown[] = []
    pool.on('factoryCreateError', (error: Error) => told.push(error.message))
    const thing = await pool.acquire()
    expect(thing.id).toBe(1)
    expect(told).toEqual(['no thing at attempt 1', 'no thing at attempt 2'])
    await pool.release(thing)
  })

  it('tells of a destroy() that failed, once to each listener', async () => {
    const { pool } = open({ max: 1 }, { destroy: () => Promise.reject(new Error('it stays')) })
    const told: unknown[] = []
    const listener = (error: Error): unknown => told.push(error.message)
    pool.once('factoryDestroyError', listener)
    pool.on('factoryDestroyError', listener)
    await pool.destroy(await pool.acquire())
    await reaches(() => told, ['it stays', 'it stays'])
    await pool.destroy(await pool.acquire())
    await reaches(() => told, ['it stays', 'it stays', 'it stays'])
  })

  it('tells of a destroy() that takes longer than destroyTimeoutMillis', async () => {
    const { pool } = open({ max: 1, destroyTimeoutMillis: 20 }, { destroy: () => new Promise(() => undefined) })
    const told: unknown[] = []
    pool.on('factoryDestroyError', (error: Error) => told.push(error.message))
    await pool.destroy(await pool.acquire())
    await reaches(() => told.length, 1)
  })

  it('takes functions that return no promises', async () => {
    const gone: number[] = []
    const pool = createPool<{ id: number }>({
      create: (() => ({ id: 1 })) as unknown as () => Promise<{ id: number }>,
      destroy: (({ id }: { id: number }) => void gone.push(id)) as unknown as () => Promise<void>,
    })
    const thing = await pool.acquire()
    await pool.destroy(thing)
    await reaches(() => gone, [1])
  })

  it('takes a factory that is an instance of a class', async () => {
    class Factory {
      readonly #id = 3
      async create(): Promise<Thing> {
        return { id: this.#id, isGood: true }
      }
      async destroy(): Promise<void> {}
      async validate({ id }: Thing): Promise<boolean> {
        return id === this.#id
      }
    }
    const pool = createPool(new Factory(), { testOnBorrow: true })
    const thing = await pool.acquire()
    expect(thing.id).toBe(3)
    await pool.destroy(thing)
  })

  it('takes numbers as text, and null for none', async () => {
    const texts = { max: '2', min: '1', maxWaitingClients: '0', acquireTimeoutMillis: '200', destroyTimeoutMillis: null, priorityRange: null, idleTimeoutMillis: 0 }
    const { pool } = open(texts as unknown as genericPool.Options)
    expect([pool.max, pool.min]).toEqual([2, 1])
    await pool.ready()
    const things = await Promise.all([pool.acquire(), pool.acquire()])
    await rejection(pool.acquire())
    for (const thing of things) await pool.release(thing)
  })

  it('destroys what was idle for longer than idleTimeoutMillis, and makes min anew', async () => {
    const { pool, workshop } = open({ max: 3, min: 1, evictionRunIntervalMillis: 10, idleTimeoutMillis: 60 })
    const things = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const thing of things) await pool.release(thing)
    await reaches(() => workshop.destroyed.toSorted().slice(0, 3), [1, 2, 3])
    await reaches(() => [pool.size, workshop.made.length > 3], [1, true])
  })

  it('keeps min of what was idle for longer than softIdleTimeoutMillis', async () => {
    const { pool, workshop } = open({ max: 3, min: 1, evictionRunIntervalMillis: 10, softIdleTimeoutMillis: 20, idleTimeoutMillis: 100_000 })
    const things = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const thing of things) await pool.release(thing)
    await reaches(() => workshop.destroyed.length, 2)
    await later(60)
    expect([pool.available, workshop.destroyed.length, workshop.made.length]).toEqual([1, 2, 3])
  })

  it('looks at no more than numTestsPerEvictionRun idle ones at a time', async () => {
    const left: number[] = []
    const { pool } = open({ max: 4, evictionRunIntervalMillis: 100, numTestsPerEvictionRun: 2, idleTimeoutMillis: 1 }, {
      destroy: async () => void left.push(pool.available),
    })
    const things = await Promise.all([1, 2, 3, 4].map(() => pool.acquire()))
    for (const thing of things) await pool.release(thing)
    await reaches(() => left.length, 4)
    expect(Math.min(...left.slice(0, 2))).toBe(2)
  })

  it('destroys nothing for its idle time while evictionRunIntervalMillis is 0', async () => {
    const { pool, workshop } = open({ max: 1, idleTimeoutMillis: 1 })
    await pool.release(await pool.acquire())
    await later(40)
    expect([pool.available, workshop.destroyed]).toEqual([1, []])
  })

  it('drain() admits nobody new, serves who waits, and waits for what is lent', async () => {
    const { pool, workshop } = open({ max: 1 })
    const first = await pool.acquire()
    const second = pool.acquire()
    const drained = pool.drain()
    expect((await rejection(pool.acquire())).message).toMatch(/draining/)
    await pool.release(first)
    const thing = await second
    expect(await standing(drained)).toBe('pending')
    await pool.release(thing)
    await drained
    expect([pool.available, workshop.destroyed]).toEqual([1, []])
    await pool.clear()
    expect(workshop.destroyed).toEqual([1])
  })

  it('clear() destroys what is idle, not what is lent', async () => {
    const { pool, workshop } = open({ max: 3 })
    const things = await Promise.all([pool.acquire(), pool.acquire()])
    await pool.release(things[0])
    await pool.clear()
    expect([workshop.destroyed, pool.borrowed]).toEqual([[1], 1])
    await pool.release(things[1])
  })

  it('clear() waits for what is being made, and makes min anew', async () => {
    const { pool, workshop } = open({ max: 2, min: 2 })
    await pool.clear()
    expect(workshop.destroyed).toEqual([1, 2])
    await reaches(() => [pool.size, workshop.made.length], [2, 4])
  })

  it('clear() during drain() destroys what is idle now', async () => {
    const { pool, workshop } = open({ max: 2 })
    const things = await Promise.all([pool.acquire(), pool.acquire()])
    await pool.release(things[0])
    const drained = pool.drain()
    await pool.clear()
    expect(workshop.destroyed).toEqual([1])
    await pool.release(things[1])
    await drained
  })
})
