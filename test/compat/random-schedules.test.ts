import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createPool } from 'greenroom/compat/generic-pool'
import { Pool as TarnPool } from 'greenroom/compat/tarn'
import { VirtualClock } from 'greenroom/testing'
import { warmUp } from './support.ts'

const MAX = 3
const CREATE_MS = 400
const DESTROY_MS = 100

interface Thing {
  readonly id: number
}

/** How a call of the factory goes: what comes of it, and after how many milliseconds; `Infinity`: never. */
interface Course {
  readonly outcome: 'good' | 'bad' | 'throws'
  readonly ms: number
}

interface Courses {
  readonly create: readonly Course[]
  readonly destroy: readonly Course[]
  readonly validate: readonly Course[]
}

type Step =
  | { readonly do: 'acquire' | 'acquire and abort' | 'tidy' }
  | { readonly do: 'release' | 'destroy'; readonly which: number }
  | { readonly do: 'release again' | 'abort'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }

const course = fc.record({
  outcome: fc.oneof({ weight: 6, arbitrary: fc.constant('good' as const) }, { weight: 1, arbitrary: fc.constantFrom('bad' as const, 'throws' as const) }),
  ms: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 60 }) }, { weight: 1, arbitrary: fc.constantFrom(0, CREATE_MS + 30, Infinity) }),
})
const courses = fc.record({
  create: fc.array(course, { minLength: 1, maxLength: 8 }),
  destroy: fc.array(course, { minLength: 1, maxLength: 4 }),
  validate: fc.array(course, { minLength: 1, maxLength: 6 }),
})
const which = fc.nat({ max: 9 })
const steps = fc.array(fc.oneof<fc.Arbitrary<Step>[]>(
  fc.constantFrom({ do: 'acquire' }, { do: 'acquire' }, { do: 'acquire and abort' }, { do: 'tidy' }),
  fc.record({ do: fc.constantFrom('release', 'release', 'destroy'), which }),
  fc.record({ do: fc.constantFrom('release again', 'abort'), which }),
  fc.record({ do: fc.constant('wait'), ms: fc.nat({ max: 300 }) }),
), { minLength: 5, maxLength: 40 })

/** Makes things as the courses say, and counts those there are, from the begin of create() until they are gone or given up. */
class Factory {
  live = 0
  peak = 0
  calls = 0
  readonly #clock: VirtualClock
  readonly #courses: Courses
  readonly #counts = { create: 0, destroy: 0, validate: 0 }

  constructor(clock: VirtualClock, given: Courses) {
    this.#clock = clock
    this.#courses = given
  }

  readonly create = (): Promise<Thing> => {
    this.peak = Math.max(this.peak, ++this.live)
    const id = ++this.calls
    const { outcome, ms } = this.#next('create')
    if (ms === Infinity) this.#goneAfter(CREATE_MS + 2 * DESTROY_MS)
    if (outcome !== 'good' && ms !== Infinity) this.#goneAfter(ms + 1)
    return this.#run({ outcome: outcome === 'bad' ? 'throws' : outcome, ms }, { id })
  }

  readonly destroy = (): Promise<unknown> => {
    const { outcome, ms } = this.#next('destroy')
    this.#goneAfter(Math.min(ms + 1, DESTROY_MS))
    return this.#run({ outcome, ms }, undefined)
  }

  readonly validate = (): Promise<boolean> => {
    const { outcome, ms } = this.#next('validate')
    return this.#run({ outcome, ms }, outcome === 'good')
  }

  #next(what: keyof Courses): Course {
    const all = this.#courses[what]
    return all[this.#counts[what]++ % all.length]!
  }

  /** A millisecond before the pool may know. */
  #goneAfter(ms: number): void {
    this.#clock.setTimer(() => this.live--, ms - 1)
  }

  #run<T>({ outcome, ms }: Course, value: T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#clock.setTimer(() => (outcome === 'throws' ? reject(new Error('as the course says')) : resolve(value)), ms)
    })
  }
}

/** What both facades can do, for the schedules. */
interface Subject {
  acquire(): { promise: Promise<Thing>; abort(): void }
  /** False when it was not lent. */
  release(thing: Thing): Promise<boolean>
  destroy(thing: Thing): Promise<boolean>
  tidy(): unknown
  idleBesideWaiting(): boolean
  borrowed(): number
  close(): Promise<unknown>
}

const accepted = (call: Promise<unknown>): Promise<boolean> => call.then(() => true, () => false)

function genericSubject(clock: VirtualClock, factory: Factory, options: object): Subject {
  const times = { createTimeoutMillis: CREATE_MS, destroyTimeoutMillis: DESTROY_MS, acquireTimeoutMillis: 2_000 }
  const pool = createPool<Thing>(factory, { max: MAX, ...times, ...options }, { clock })
  pool.on('problem', () => undefined)
  return {
    acquire: () => ({ promise: pool.acquire(), abort() {} }),
    release: (thing) => accepted(pool.release(thing)),
    destroy: (thing) => accepted(pool.destroy(thing)),
    tidy: () => pool.clear(),
    // Those for whom something is validated wait still, by its count.
    idleBesideWaiting: () => !('testOnBorrow' in options) && pool.available > 0 && pool.pending > 0,
    borrowed: () => pool.borrowed,
    close: () => pool.drain().then(() => pool.clear()),
  }
}

function tarnSubject(clock: VirtualClock, { create, destroy, validate }: Factory, options: object): Subject {
  const pool = new TarnPool<Thing>({
    create, destroy, validate, min: 0, max: MAX, log() {},
    createTimeoutMillis: CREATE_MS, destroyTimeoutMillis: DESTROY_MS, acquireTimeoutMillis: 2_000, idleTimeoutMillis: 100,
    ...options,
  }, { clock })
  return {
    acquire: () => pool.acquire(),
    release: async (thing) => pool.release(thing),
    destroy: async (thing) => pool.release(thing),
    tidy: () => pool.check(),
    idleBesideWaiting: () => pool.numFree() > 0 && pool.numPendingAcquires() > 0,
    borrowed: () => pool.numUsed() - pool.numPendingValidations(),
    close: () => pool.destroy(),
  }
}

describe.each<[string, (clock: VirtualClock, factory: Factory) => Subject]>([
  ['generic-pool', (clock, factory) => genericSubject(clock, factory, {})],
  ['generic-pool with min and validation', (clock, factory) => genericSubject(clock, factory, {
    min: 1, testOnBorrow: true, testOnReturn: true, evictionRunIntervalMillis: 50, idleTimeoutMillis: 100,
  })],
  ['tarn', (clock, factory) => tarnSubject(clock, factory, {})],
  ['tarn with propagateCreateError', (clock, factory) => tarnSubject(clock, factory, { propagateCreateError: true, createRetryIntervalMillis: 20 })],
])('on schedules nobody would think of, the facade of %s', (_name, makeSubject) => {
  beforeAll(warmUp)

  it('never has more than max, lends nothing twice, heeds no stale handle, leaves nobody waiting beside an idle resource, and leaves nothing', async () => {
    await fc.assert(fc.asyncProperty(courses, steps, async (given, schedule) => {
      const clock = new VirtualClock()
      const factory = new Factory(clock, given)
      const subject = makeSubject(clock, factory)
      const held: Thing[] = []
      const stale: Thing[] = []
      const waiting = new Set<{ abort(): void }>()
      let closing = false
      const acquire = (): { abort(): void } => {
        const caller = subject.acquire()
        waiting.add(caller)
        const settled = (): void => void waiting.delete(caller)
        caller.promise.then((thing) => {
          settled()
          if (closing) void subject.release(thing)
          else held.push(thing)
        }, settled)
        return caller
      }
      const check = (): void => {
        expect(new Set(held.map(({ id }) => id)).size, 'nothing is lent twice').toBe(held.length)
        expect(subject.borrowed(), 'what is lent is counted').toBe(held.length)
        expect(factory.peak, 'never more than max').toBeLessThanOrEqual(MAX)
        expect(subject.idleBesideWaiting(), 'nobody waits beside an idle resource').toBe(false)
      }
      acquire()
      // Until the pool has opened, which takes no virtual time.
      while (factory.calls === 0) await clock.settle()

      for (const step of schedule) {
        if (step.do === 'acquire') acquire()
        else if (step.do === 'tidy') void subject.tidy()
        else if (step.do === 'wait') await clock.advance(step.ms)
        else if (step.do === 'acquire and abort') acquire().abort()
        else if (step.do === 'abort') [...waiting][step.which % Math.max(1, waiting.size)]?.abort()
        else if (step.do === 'release again') {
          const thing = stale[step.which % Math.max(1, stale.length)]
          if (thing) expect(await subject.release(thing)).toBe(false)
        } else if (step.do === 'release' || step.do === 'destroy') {
          const [thing] = held.splice(step.which % Math.max(1, held.length), 1)
          if (thing) {
            stale.push(thing)
            expect(await subject[step.do](thing)).toBe(true)
          }
        }
        await clock.settle()
        check()
      }

      closing = true
      for (const thing of held.splice(0)) await subject.release(thing)
      let closed = false
      void subject.close().then(() => (closed = true))
      await clock.advance(60_000)
      expect({ closed, waiting: waiting.size, live: factory.live, timers: clock.pending }).toEqual({ closed: true, waiting: 0, live: 0, timers: 0 })
    }), { numRuns: 40 })
  })
})
