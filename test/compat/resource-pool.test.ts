import { afterEach, describe, expect, it } from 'vitest'
import { createPool, type Options, type Pool } from 'greenroom/compat/generic-pool'
import { Pool as TarnPool } from 'greenroom/compat/tarn'
import { VirtualClock } from 'greenroom/testing'

interface Thing {
  readonly id: number
}

const HANGS = (): Promise<never> => new Promise(() => undefined)

interface Behaviour {
  create?: (call: number, clock: VirtualClock) => unknown
  destroy?: (thing: Thing) => unknown
  validate?: (thing: Thing) => unknown
}

/** A pool whose time is moved by hand, and whose resources do as the test says. */
async function scene(options: Options = {}, behaviour: Behaviour = {}) {
  const clock = new VirtualClock()
  const destroyed: number[] = []
  const told: string[] = []
  let calls = 0
  const pool = createPool<Thing>({
    create: () => {
      const id = ++calls
      return (behaviour.create ? behaviour.create(id, clock) : { id }) as Thing
    },
    destroy: (thing) => {
      destroyed.push(thing.id)
      return behaviour.destroy?.(thing)
    },
    ...(behaviour.validate && { validate: behaviour.validate as (thing: Thing) => boolean }),
  }, options, { clock })
  for (const event of ['factoryCreateError', 'factoryDestroyError', 'problem']) {
    pool.on(event, (error: Error, where?: string) => told.push(`${event}: ${where ? `${where}: ` : ''}${error.message}`))
  }
  const made = { pool, clock, destroyed, told, calls: () => calls }
  open.push(made)
  // Loading the pool's plugins takes real time; while it lasts the clock must not be moved.
  if (options.min) while (calls === 0) await clock.settle()
  else await pool.ready()
  return made
}

const open: { pool: Pool<Thing>; clock: VirtualClock }[] = []
afterEach(async () => {
  for (const { pool, clock } of open.splice(0)) {
    let closed = false
    void pool.drain().then(() => pool.clear()).then(() => (closed = true))
    await clock.advance(120_000)
    expect(closed, 'the pool is closed').toBe(true)
    expect([pool.size, clock.pending]).toEqual([0, 0])
  }
})

/** How a promise stands, now and later. */
function watch<T>(promise: Promise<T>): { value?: T; error?: Error & { code?: string } } {
  const seen: { value?: T; error?: Error & { code?: string } } = {}
  promise.then((value) => (seen.value = value), (error: Error) => (seen.error = error))
  return seen
}

describe('a pool of resources', () => {
  it('gives a create() that does not end 30 s, then tries another', async () => {
    const { pool, clock, told } = await scene({ max: 1 }, { create: (call) => (call === 1 ? HANGS() : { id: call }) })
    const acquire = watch(pool.acquire())
    await clock.advance(29_990)
    expect(acquire).toEqual({})
    await clock.advance(20)
    expect(told).toEqual(['factoryCreateError: create() took longer than 30s (createTimeoutMillis)'])
    // Its place is free when it has had the time to be destroyed, too.
    await clock.advance(10_200)
    expect(acquire.value?.id).toBe(2)
    await pool.release(acquire.value!)
  })

  it('destroys what create() makes too late, and lends it to nobody', async () => {
    const { pool, clock, destroyed } = await scene({ max: 1, createTimeoutMillis: 100 }, {
      create: (call, time) => (call === 1 ? new Promise((resolve) => time.setTimer(() => resolve({ id: 1 }), 500)) : { id: call }),
    })
    const acquire = watch(pool.acquire())
    await clock.advance(450)
    expect([acquire, pool.size]).toEqual([{}, 0])
    await clock.advance(200)
    expect([acquire.value?.id, destroyed]).toEqual([2, [1]])
    await pool.release(acquire.value!)
  })

  it('gives a destroy() that does not end 5 s, in which its place is taken', async () => {
    const { pool, clock, told } = await scene({ max: 1 }, { destroy: ({ id }) => (id === 1 ? HANGS() : undefined) })
    const first = watch(pool.acquire())
    await clock.settle()
    await pool.destroy(first.value!)
    const second = watch(pool.acquire())
    await clock.advance(4_990)
    expect([second, pool.size, pool.spareResourceCapacity]).toEqual([{}, 0, 0])
    await clock.advance(20)
    expect(second.value?.id).toBe(2)
    expect(told).toEqual(['factoryDestroyError: destroy() took longer than 5s (destroyTimeoutMillis)'])
    await pool.release(second.value!)
  })

  it('gives a validate() that does not end 30 s, then lends another', async () => {
    const { pool, clock, told, destroyed } = await scene({ max: 1, testOnBorrow: true }, { validate: ({ id }) => (id === 1 ? HANGS() : true) })
    const acquire = watch(pool.acquire())
    await clock.advance(29_990)
    expect([acquire, pool.pending, pool.borrowed]).toEqual([{}, 1, 0])
    await clock.advance(500)
    expect([acquire.value?.id, destroyed]).toEqual([2, [1]])
    expect(told).toEqual(['problem: validate(): validate() took longer than 30s'])
    await pool.release(acquire.value!)
  })

  it('gives a validate() no more time than its caller has, and trusts nothing that was not found good', async () => {
    const { pool, clock, destroyed } = await scene(
      { max: 1, min: 1, testOnBorrow: true, acquireTimeoutMillis: 50 },
      { validate: ({ id }) => (id === 1 ? HANGS() : true) },
    )
    await pool.ready()
    const acquire = watch(pool.acquire())
    await clock.advance(60)
    expect([acquire.error?.code, destroyed]).toEqual(['ACQUIRE_TIMEOUT', [1]])
    expect([pool.pending, pool.available]).toEqual([0, 1])
  })

  it('validates what was just made once, when somebody waits for it', async () => {
    const seen: number[] = []
    const { pool, clock } = await scene({ max: 2, min: 1, testOnBorrow: true }, { validate: ({ id }) => seen.push(id) > 0 })
    await pool.ready()
    expect(seen).toEqual([])
    const callers = [watch(pool.acquire()), watch(pool.acquire())]
    await clock.settle()
    expect(seen).toEqual([1, 2])
    for (const { value } of callers) await pool.release(value!)
  })

  it('serves who waits with what comes free, while what is created is no good', async () => {
    const { pool, clock } = await scene({ max: 2, testOnBorrow: true }, { validate: ({ id }) => id === 1 })
    const first = watch(pool.acquire())
    await clock.settle()
    const second = watch(pool.acquire())
    await clock.advance(10)
    await pool.release(first.value!)
    await clock.settle()
    expect(second.value?.id).toBe(1)
    await pool.release(second.value!)
  })

  it('says why nothing can be had, and tries again when the breaker lets it', async () => {
    let broken = true
    const { pool, clock, calls } = await scene({ max: 3 }, {
      create: (call) => {
        if (broken) throw new Error(`no socket ${call}`)
        return { id: call }
      },
    })
    const first = watch(pool.acquire())
    await clock.advance(5_000)
    expect(first.error).toMatchObject({ code: 'BREAKER_OPEN', message: 'create() failed several times in a row and is not called for the moment: no socket 5' })
    expect(first.error?.cause).toMatchObject({ message: 'no socket 5' })
    const second = watch(pool.acquire())
    await clock.settle()
    expect([second.error?.code, calls()]).toEqual(['BREAKER_OPEN', 5])
    broken = false
    await clock.advance(10_000)
    const third = watch(pool.acquire())
    await clock.settle()
    expect(third.value?.id).toBe(6)
    await pool.release(third.value!)
  })

  it('takes a broken resource back by itself, as its own error handler would: its holder can do nothing more with it', async () => {
    const made: Thing[] = []
    const { pool, clock, destroyed } = await scene({ max: 1 }, {
      create: (id) => {
        made.push({ id })
        return made.at(-1)
      },
    })
    const handle = watch(pool.acquire())
    await clock.settle()
    expect([pool.isBorrowedResource(made[0]!), pool.isBorrowedResource(handle.value!)]).toEqual([true, true])
    await pool.destroy(made[0]!)
    expect(() => handle.value!.id).toThrow(/given back/)
    await clock.settle()
    expect([destroyed, pool.isBorrowedResource(made[0]!)]).toEqual([[1], false])
    await expect(pool.release(made[0]!)).rejects.toMatchObject({ code: 'LEASE_REVOKED' })
  })

  it('lends what is no object as it is', async () => {
    const clock = new VirtualClock()
    let port = 4_000
    const pool = createPool<number>({ create: () => ++port, destroy() {} }, { max: 2 }, { clock })
    const ports = await Promise.all([pool.acquire(), pool.acquire()])
    expect(ports).toEqual([4_001, 4_002])
    for (const one of ports) await pool.release(one)
    await expect(pool.release(4_001)).rejects.toMatchObject({ code: 'LEASE_REVOKED' })
    await pool.drain()
    await pool.clear()
  })

  it('validates after a release with testOnReturn, and counts it neither as lent nor as idle', async () => {
    let answer!: (valid: boolean) => void
    const { pool, clock } = await scene({ max: 1, testOnReturn: true }, { validate: () => new Promise((resolve) => (answer = resolve)) })
    const first = watch(pool.acquire())
    await clock.settle()
    await pool.release(first.value!)
    const drained = watch(pool.drain().then(() => 'drained'))
    await clock.settle()
    expect([pool.size, pool.borrowed, pool.available, drained]).toEqual([1, 0, 0, {}])
    answer(true)
    await clock.settle()
    expect([pool.size, pool.borrowed, pool.available, drained]).toEqual([1, 0, 1, { value: 'drained' }])
  })

  it('warns of what nobody is there to hear: a validate() that throws', async () => {
    const warnings: string[] = []
    const hear = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', hear)
    const refusing = (pool: string) => (): never => {
      throw new Error(`no good for ${pool}`)
    }
    const generic = await scene({ testOnBorrow: true, acquireTimeoutMillis: 10 }, { validate: refusing('generic-pool') })
    generic.pool.removeAllListeners('problem')
    const late = watch(generic.pool.acquire())
    await generic.clock.advance(10)
    expect(late.error).toMatchObject({ code: 'ACQUIRE_TIMEOUT', message: expect.stringContaining('validate() refused what create() had made') })
    expect(warnings).toEqual(['validate(): no good for generic-pool'])

    const clock = new VirtualClock()
    const tarn = new TarnPool<Thing>({ create: () => ({ id: 1 }), destroy() {}, validate: refusing('tarn'), min: 0, max: 1 }, { clock })
    const acquire = tarn.acquire()
    const gone = watch(acquire.promise)
    while (warnings.length < 2) await clock.settle()
    acquire.abort()
    await clock.settle()
    expect([gone.error?.code, warnings[1]]).toEqual(['ACQUIRE_ABORTED', 'validate(): no good for tarn'])
    await tarn.destroy()
    process.off('warning', hear)
  })

  it('gives use() a resource that may be given back in its course', async () => {
    const { pool } = await scene()
    expect(await pool.use(async (thing) => {
      const { id } = thing
      await pool.release(thing)
      return id
    })).toBe(1)
    expect(pool.available).toBe(1)
  })

  it('ends what is being made when it is closed, and keeps nobody waiting', async () => {
    const { pool, clock, destroyed } = await scene(
      { max: 1, min: 1 },
      { create: (id, time) => new Promise((resolve) => time.setTimer(() => resolve({ id }), 300)) },
    )
    const ready = watch(pool.ready().then(() => true))
    await pool.drain()
    const cleared = watch(pool.clear().then(() => true))
    await clock.advance(299)
    expect([cleared, destroyed]).toEqual([{}, []])
    await clock.advance(10)
    expect([cleared.value, destroyed, pool.size]).toEqual([true, [1], 0])
    expect(ready.error?.code).toBe('POOL_CLOSED')
  })

  it('is closed before it was ever started', async () => {
    const pool = createPool<Thing>({ create: () => ({ id: 1 }), destroy() {} }, { autostart: false })
    const ready = pool.ready()
    await pool.drain()
    await pool.clear()
    pool.start()
    await ready
    expect(pool.size).toBe(0)
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_DRAINING' })
  })

  it('keeps what was lent to an acquire that was aborted before its caller could hear of it', async () => {
    const clock = new VirtualClock()
    const pool = new TarnPool<Thing>({ create: () => ({ id: 1 }), destroy() {}, min: 0, max: 1 }, { clock })
    pool.release(await pool.acquire().promise)
    const acquire = pool.acquire()
    const gone = watch(acquire.promise)
    acquire.abort()
    await clock.settle()
    expect([gone.error?.code, pool.numUsed(), pool.numFree()]).toEqual(['ACQUIRE_ABORTED', 0, 1])
    await pool.destroy()
  })

  it('gives a resource to its caller, or keeps it, at whatever moment of its validation the caller gives up', async () => {
    const clock = new VirtualClock()
    let answer: ((valid: boolean) => void) | undefined
    const validate = (): Promise<boolean> => new Promise((resolve) => (answer = resolve))
    const pool = new TarnPool<Thing>({ create: () => ({ id: 1 }), destroy() {}, validate, min: 0, max: 1 }, { clock })
    // What is idle is validated otherwise than what was just made.
    const validated = async (): Promise<void> => {
      while (!answer) await clock.settle()
      answer(true)
      answer = undefined
    }
    const outcomes = new Set<string>()
    for (let moment = 0; moment < 20; moment++) {
      while (pool.numFree() === 0) {
        const first = pool.acquire().promise
        await validated()
        pool.release(await first)
      }
      const acquire = pool.acquire()
      const seen = watch(acquire.promise)
      await validated()
      for (let turn = 0; turn < moment; turn++) await Promise.resolve()
      acquire.abort()
      await clock.settle()
      if (seen.value) pool.release(seen.value)
      outcomes.add(seen.error?.code ?? 'served')
      expect([pool.numUsed(), pool.numPendingAcquires(), pool.numPendingValidations()]).toEqual([0, 0, 0])
    }
    expect([...outcomes]).toEqual(['ACQUIRE_ABORTED', 'served'])
    await pool.destroy()
    await clock.advance(30_000)
    expect(clock.pending).toBe(0)
  })
})
