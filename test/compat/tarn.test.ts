import * as tarn from 'tarn'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import * as facade from 'greenroom/compat/tarn'
import { firstOf, later, reaches, rejection, standing, type Thing, warmUp, Workshop } from './support.ts'

type Options = Partial<facade.PoolOptions<Thing>>
type PoolClass = typeof facade.Pool

// tarn's classes have protected members, which are nobody's business.
const both: [string, PoolClass, { new (...args: never[]): Error }][] = [
  ['tarn', tarn.Pool as unknown as PoolClass, tarn.TimeoutError],
  ['the facade', facade.Pool, facade.TimeoutError],
]

beforeAll(warmUp)

describe.each(both)('%s', (_name, Pool, TimeoutError) => {
  const pools: facade.Pool<Thing>[] = []

  function open(options: Options = {}, changes: Partial<Workshop> = {}): { pool: facade.Pool<Thing>; workshop: Workshop } {
    const workshop = Object.assign(new Workshop(), changes)
    const pool = new Pool<Thing>({ create: workshop.create, destroy: workshop.destroy, min: 0, max: 1, ...options })
    pools.push(pool)
    return { pool, workshop }
  }

  function figures(pool: facade.Pool<Thing>): Record<string, number> {
    return {
      used: pool.numUsed(), free: pool.numFree(), waiting: pool.numPendingAcquires(),
      validating: pool.numPendingValidations(), creating: pool.numPendingCreates(),
    }
  }

  afterEach(async () => {
    for (const pool of pools.splice(0)) {
      expect(pool.numUsed(), 'every test gives back what it has').toBe(0)
      await pool.destroy()
      expect(pool.isEmpty()).toBe(true)
    }
  })

  it('makes what is asked for, up to max, and no more', async () => {
    const { pool, workshop } = open({ max: 2 })
    expect(pool.isEmpty()).toBe(true)
    const [a, b] = await Promise.all([pool.acquire().promise, pool.acquire().promise])
    const third = pool.acquire()
    expect(await standing(third.promise)).toBe('pending')
    expect(figures(pool)).toEqual({ used: 2, free: 0, waiting: 1, validating: 0, creating: 0 })
    expect(pool.release(a)).toBe(true)
    expect((await third.promise).id).toBe(1)
    pool.release(b)
    pool.release(await third.promise)
    expect(figures(pool)).toEqual({ used: 0, free: 2, waiting: 0, validating: 0, creating: 0 })
    expect([pool.isEmpty(), workshop.made.length]).toEqual([false, 2])
  })

  it('makes nothing ahead, whatever min is', async () => {
    const { pool, workshop } = open({ min: 2, max: 3 })
    await later(30)
    expect(workshop.attempts).toBe(0)
    pool.release(await pool.acquire().promise)
    await later(30)
    expect(workshop.attempts).toBe(1)
  })

  it('counts what is being made', async () => {
    const { pool } = open({ max: 2 }, { create: () => later(30).then(() => ({ id: 1, isGood: true })) })
    const acquire = pool.acquire()
    await reaches(() => figures(pool), { used: 0, free: 0, waiting: 1, validating: 0, creating: 1 })
    expect(pool.isEmpty()).toBe(false)
    pool.release(await acquire.promise)
  })

  it('serves those who wait in the order they came', async () => {
    const { pool } = open()
    const holder = await pool.acquire().promise
    const order: string[] = []
    const callers = ['a', 'b', 'c'].map((name) => pool.acquire().promise.then((thing) => {
      order.push(name)
      pool.release(thing)
    }))
    pool.release(holder)
    await Promise.all(callers)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('lends what was released last', async () => {
    const { pool } = open({ max: 3 })
    const things = await Promise.all([pool.acquire().promise, pool.acquire().promise, pool.acquire().promise])
    for (const thing of things) pool.release(thing)
    const again = [await pool.acquire().promise, await pool.acquire().promise, await pool.acquire().promise]
    expect(again.map(({ id }) => id)).toEqual([3, 2, 1])
    for (const thing of again) pool.release(thing)
  })

  it.each<[string, facade.Creator<Thing>]>([
    ['returns it', () => ({ id: 5, isGood: true })],
    ['returns a promise of it', async () => ({ id: 5, isGood: true })],
    ['calls back at once', (done) => done(null, { id: 5, isGood: true })],
    ['calls back later', (done) => void setImmediate(() => done(undefined, { id: 5, isGood: true }))],
  ])('takes a create() that %s', async (_how, create) => {
    const { pool } = open({ create })
    const thing = await pool.acquire().promise
    expect(thing.id).toBe(5)
    pool.release(thing)
  })

  it.each<[string, facade.Creator<Thing>]>([
    ['throws', () => {
      throw new Error('no thing')
    }],
    ['rejects', () => Promise.reject(new Error('no thing'))],
    ['calls back with an error', (done) => done(new Error('no thing'))],
  ])('with propagateCreateError rejects who has waited longest when create() %s', async (_how, create) => {
    const { pool } = open({ create, propagateCreateError: true })
    const acquire = pool.acquire()
    expect((await rejection(acquire.promise)).message).toBe('no thing')
    expect(acquire.isRejected).toBe(true)
  })

  it('without propagateCreateError tries again until it works', async () => {
    const { pool, workshop } = open({ createRetryIntervalMillis: 5 }, { failures: 2 })
    pool.release(await pool.acquire().promise)
    expect(workshop.attempts).toBe(3)
  })

  it('rejects with a TimeoutError at the acquire time-out, which says what the last create() failed with', async () => {
    const { pool, workshop } = open({ max: 2, acquireTimeoutMillis: 200, createRetryIntervalMillis: 10_000 })
    const thing = await firstOf(pool)
    workshop.failures = 9
    const acquire = pool.acquire()
    const error = await rejection(acquire.promise)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error.message).toContain('no thing at attempt 2')
    expect(acquire.isRejected).toBe(true)
    pool.release(thing)
  })

  it('gives what comes free after a time-out to the next', async () => {
    const { pool } = open({ acquireTimeoutMillis: 200 })
    const first = await firstOf(pool)
    await rejection(pool.acquire().promise)
    const third = pool.acquire()
    pool.release(first)
    pool.release(await third.promise)
    expect(figures(pool)).toEqual({ used: 0, free: 1, waiting: 0, validating: 0, creating: 0 })
  })

  it('abort() rejects at once; what is being made for it is kept for others', async () => {
    const { pool, workshop } = open()
    const acquire = pool.acquire()
    await reaches(() => workshop.attempts, 1)
    acquire.abort()
    await rejection(acquire.promise)
    expect([acquire.isRejected, pool.numPendingAcquires()]).toEqual([true, 0])
    await reaches(() => pool.numFree(), 1)
    pool.release(await pool.acquire().promise)
    expect(workshop.attempts).toBe(1)
  })

  it('abort() leaves the others in the line, and does nothing once one was served', async () => {
    const { pool } = open()
    const first = pool.acquire()
    const held = await first.promise
    const [second, third] = [pool.acquire(), pool.acquire()]
    second.abort()
    first.abort()
    expect(first.isRejected).toBe(false)
    await rejection(second.promise)
    pool.release(held)
    pool.release(await third.promise)
  })

  it.each([['promises it', true], ['returns it', false]])('destroys what is not valid, and lends another, when validate() %s', async (_how, asynchronous) => {
    const { pool, workshop } = open({ validate: (thing) => (asynchronous ? later().then(() => thing.isGood) : thing.isGood) })
    const first = await pool.acquire().promise
    first.isGood = false
    pool.release(first)
    const second = await pool.acquire().promise
    expect(second.id).toBe(2)
    await reaches(() => workshop.destroyed, [1])
    pool.release(second)
  })

  it('destroys what validate() throws about, and logs it', async () => {
    const logged: string[] = []
    let calls = 0
    const { pool, workshop } = open({
      validate: () => {
        if (++calls === 2) throw new Error('it is broken')
        return true
      },
      log: (message, level) => logged.push(`${level}: ${message}`),
    })
    pool.release(await pool.acquire().promise)
    const second = await pool.acquire().promise
    expect(second.id).toBe(2)
    await reaches(() => workshop.destroyed, [1])
    expect(logged).toEqual([expect.stringMatching(/^warn: .*it is broken/)])
    pool.release(second)
  })

  it('counts what is being validated as used', async () => {
    let answer!: (valid: boolean) => void
    const { pool } = open({ validate: () => new Promise((resolve) => (answer = resolve)) })
    const first = pool.acquire()
    await reaches(() => figures(pool), { used: 1, free: 0, waiting: 0, validating: 1, creating: 0 })
    answer(true)
    pool.release(await first.promise)
    const second = pool.acquire()
    await reaches(() => figures(pool), { used: 1, free: 0, waiting: 0, validating: 1, creating: 0 })
    answer(true)
    pool.release(await second.promise)
  })

  it('gives nothing to a caller who gave up during the validation, and goes on for the others', async () => {
    const answers: ((valid: boolean) => void)[] = []
    const { pool } = open({ validate: () => new Promise((resolve) => answers.push(resolve)) })
    const first = pool.acquire()
    await reaches(() => answers.length, 1)
    answers[0]!(true)
    pool.release(await first.promise)
    const second = pool.acquire()
    await reaches(() => answers.length, 2)
    second.abort()
    await rejection(second.promise)
    const third = pool.acquire()
    await reaches(() => answers.length, 3)
    answers[2]!(true)
    pool.release(await third.promise)
    expect(pool.numUsed()).toBe(0)
  })

  it('gives up a create() after createTimeoutMillis, and destroys what comes late', async () => {
    let calls = 0
    const late = later(80).then(() => ({ id: 77, isGood: true }))
    const { pool, workshop } = open({ createTimeoutMillis: 20, createRetryIntervalMillis: 5, create: () => (calls++ === 0 ? late : { id: 2, isGood: true }) })
    const failures: unknown[] = []
    pool.on('createFail', (_id, error) => failures.push(error))
    const thing = await pool.acquire().promise
    expect([thing.id, failures.length]).toEqual([2, 1])
    await reaches(() => workshop.destroyed, [77])
    pool.release(thing)
  })

  it('destroys what was idle for idleTimeoutMillis, down to min', async () => {
    const { pool, workshop } = open({ min: 1, max: 3, idleTimeoutMillis: 20, reapIntervalMillis: 10 })
    const things = await Promise.all([pool.acquire().promise, pool.acquire().promise, pool.acquire().promise])
    for (const thing of things) pool.release(thing)
    await reaches(() => workshop.destroyed, [1, 2])
    await later(50)
    expect([pool.numFree(), workshop.destroyed]).toEqual([1, [1, 2]])
  })

  it('counts what is lent among min', async () => {
    const { pool, workshop } = open({ min: 1, max: 2, idleTimeoutMillis: 20, reapIntervalMillis: 10 })
    const [first, second] = await Promise.all([pool.acquire().promise, pool.acquire().promise])
    pool.release(first)
    await reaches(() => workshop.destroyed, [1])
    pool.release(second)
  })

  it('check() looks at once', async () => {
    const { pool, workshop } = open({ idleTimeoutMillis: 200, reapIntervalMillis: 100_000 })
    pool.release(await pool.acquire().promise)
    pool.check()
    expect(pool.numFree()).toBe(1)
    await later(250)
    pool.check()
    expect(pool.numFree()).toBe(0)
    await reaches(() => workshop.destroyed, [1])
  })

  it('destroy() waits for what is lent and for every destroy()', async () => {
    const { pool, workshop } = open({ max: 2 }, { destroyMs: 30 })
    const [first, second] = await Promise.all([pool.acquire().promise, pool.acquire().promise])
    pool.release(first)
    const destroyed = pool.destroy()
    expect(await standing(destroyed)).toBe('pending')
    pool.release(second)
    await destroyed
    expect(workshop.destroyed.toSorted()).toEqual([1, 2])
  })

  it('destroy() waits for what is being made, and destroys it', async () => {
    const { pool, workshop } = open()
    const acquire = pool.acquire()
    const gone = rejection(acquire.promise)
    await reaches(() => workshop.attempts, 1)
    await pool.destroy()
    await gone
    expect([workshop.live, workshop.destroyed]).toEqual([0, [1]])
  })

  it('destroy() gets over a destroy() that fails or does not end', async () => {
    const logged: string[] = []
    let calls = 0
    const failures: unknown[] = []
    const { pool } = open({
      max: 2, destroyTimeoutMillis: 20, log: (message) => logged.push(message),
      destroy: () => (calls++ === 0 ? Promise.reject(new Error('it stays')) : new Promise(() => undefined)),
    })
    pool.on('destroyFail', (_id, { id }) => failures.push(id))
    const things = await Promise.all([pool.acquire().promise, pool.acquire().promise])
    for (const thing of things) pool.release(thing)
    await pool.destroy()
    expect([failures, logged.length]).toEqual([[1, 2], 2])
    expect(logged[0]).toContain('it stays')
  })

  it('release() of what is not lent is false, and no more', async () => {
    const { pool } = open()
    expect(pool.release({ id: 9, isGood: true })).toBe(false)
    const thing = await pool.acquire().promise
    expect([pool.release(thing), pool.release(thing)]).toEqual([true, false])
    expect(pool.numFree()).toBe(1)
  })

  it('tells what happens, in its order', async () => {
    const { pool, workshop } = open({ createRetryIntervalMillis: 5, idleTimeoutMillis: 10, reapIntervalMillis: 30 }, { failures: 1 })
    const told: unknown[][] = []
    const events = ['acquireRequest', 'acquireSuccess', 'acquireFail', 'release', 'createRequest', 'createSuccess', 'createFail', 'destroyRequest', 'destroySuccess',
      'destroyFail', 'startReaping', 'stopReaping', 'poolDestroyRequest', 'poolDestroySuccess'] as const
    for (const event of events) {
      pool.on(event, (...args: unknown[]) => told.push([event, ...args.map((arg) => (arg instanceof Error ? arg.message : arg))]))
    }
    pool.release(await pool.acquire().promise)
    const [thing] = workshop.made
    await reaches(() => told.some(([event]) => event === 'stopReaping'), true)
    await reaches(() => told.some(([event]) => event === 'destroySuccess'), true)
    expect(told.filter(([event]) => event !== 'stopReaping')).toEqual([
      ['acquireRequest', 1], ['createRequest', 2], ['createFail', 2, 'no thing at attempt 1'], ['createRequest', 3], ['createSuccess', 3, thing],
      ['startReaping'], ['acquireSuccess', 1, thing], ['release', thing], ['destroyRequest', 4, thing], ['destroySuccess', 4, thing],
    ])
    told.length = 0
    pool.release(await pool.acquire().promise)
    await pool.destroy()
    expect(told.map(([event]) => event)).toEqual([
      'acquireRequest', 'createRequest', 'createSuccess', 'startReaping', 'acquireSuccess', 'release', 'poolDestroyRequest', 'stopReaping', 'destroyRequest', 'destroySuccess',
      'poolDestroySuccess',
    ])
  })

  it('tells of an acquire that failed', async () => {
    const { pool } = open({ acquireTimeoutMillis: 200 })
    const thing = await firstOf(pool)
    const [asked, failed]: number[][] = [[], []]
    pool.on('acquireRequest', (id) => asked!.push(id))
    pool.on('acquireFail', (id) => failed!.push(id))
    await rejection(pool.acquire().promise)
    const third = pool.acquire()
    third.abort()
    await rejection(third.promise)
    expect([failed!.length, failed]).toEqual([2, asked])
    pool.release(thing)
  })

  it('tells nobody who no longer listens', async () => {
    const { pool } = open()
    const told: string[] = []
    const first = (): unknown => told.push('first')
    pool.on('release', first)
    pool.on('release', () => told.push('second'))
    pool.on('startReaping', () => told.push('third'))
    pool.removeListener('release', first)
    pool.release(await pool.acquire().promise)
    pool.removeAllListeners('release')
    pool.release(await pool.acquire().promise)
    pool.removeAllListeners()
    expect(told).toEqual(['third', 'second'])
  })

  it('logs what a listener throws, and tells the others', async () => {
    const logged: string[] = []
    const { pool } = open({ log: (message) => logged.push(message) })
    const told: number[] = []
    pool.on('acquireRequest', () => {
      throw new Error('the listener')
    })
    pool.on('acquireRequest', (id) => told.push(id))
    pool.release(await pool.acquire().promise)
    expect(told).toEqual([1])
    expect(logged).toEqual([expect.stringMatching(/"acquireRequest".*the listener/)])
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no create', { destroy() {}, min: 0, max: 1 }],
    ['no destroy', { create() {}, min: 0, max: 1 }],
    ['no min', { create() {}, destroy() {}, max: 1 }],
    ['a max of 0', { create() {}, destroy() {}, min: 0, max: 0 }],
    ['more min than max', { create() {}, destroy() {}, min: 2, max: 1 }],
    ['a time-out of 0', { create() {}, destroy() {}, min: 0, max: 1, acquireTimeoutMillis: 0 }],
    ['an unknown option', { create() {}, destroy() {}, min: 0, max: 1, maximum: 1 }],
  ])('refuses %s', (_what, options) => {
    expect(() => new Pool(options as facade.PoolOptions<Thing>)).toThrow()
  })
})
