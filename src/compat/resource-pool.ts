import { type Clock, GreenroomError, type Lease, type Pool, type Served, type SessionView } from '../contracts/index.ts'
import { createPoolHost } from '../create-pool.ts'
import { systemClock } from '../kernel/system-clock.ts'
import { Examiner, type Validate } from './examiner.ts'
import { explain } from './explain.ts'
import { type Loan, Loans } from './loans.ts'
import { DEFAULT_VALIDATE_MS } from './options.ts'
import type { Acquisition, EvictionView, ResourcePoolOptions } from './resource-pool-options.ts'
import { Resources } from './resources.ts'
import { Until } from './until.ts'

/** Lends a program's own objects through a pool of the usual kind: what the facades for other pools have in common. */
export class ResourcePool<T> {
  readonly clock: Clock
  readonly #options: ResourcePoolOptions<T>
  readonly #resources: Resources<T>
  readonly #loans: Loans<T>
  readonly #examiner: Examiner<T>
  readonly #until = new Until()
  /** Those between create() and destroy(). */
  readonly #live = new Set<T>()
  #host: Promise<Pool> | undefined
  #pool: Pool | undefined
  #closed = false
  #pending = 0

  constructor(options: ResourcePoolOptions<T>) {
    const { acquireMs, createMs, destroyMs, events, guarded, order, problem, retryMs, world } = options
    this.#options = options
    this.clock = world.clock ?? systemClock
    this.#loans = new Loans(guarded)
    this.#examiner = new Examiner(this.clock, problem)
    this.#resources = new Resources<T>({
      maker: { create: () => this.#create(), destroy: (resource) => this.#destroy(resource), createMs, destroyMs, events, clock: this.clock },
      order,
      retryMs,
      welcome: (resource, signal) => this.#welcome(resource, signal),
      changed: () => this.#until.changed(),
      granted: (session, served) => this.#granted(session, served),
      problem: (reported, where) => problem(explain(reported, acquireMs), where),
    })
  }

  /** Resources that a caller has, or is about to have when they prove valid. */
  get leased(): number {
    return this.#resources.counts.leased - this.#examiner.returned
  }

  /** Resources that are lent. */
  get borrowed(): number {
    return this.leased - this.#examiner.lent
  }

  get idle(): number {
    return this.#resources.idle.size
  }

  /** Resources for which create() is under way. */
  get creating(): number {
    return this.#resources.counts.starting - this.#examiner.fresh
  }

  /** Resources that are validated before they are lent, and those among them that were just created. */
  get examined(): { all: number; fresh: number } {
    const { fresh, lent } = this.#examiner
    return { all: fresh + lent, fresh }
  }

  /** Callers who have neither a resource nor an error yet. */
  get pending(): number {
    return this.#pending
  }

  /** Resources, also those that are being created; not those that are being destroyed. */
  get size(): number {
    const { starting, idle, leased } = this.#resources.counts
    return starting + idle + leased
  }

  /** How many more may be created now: those that are being destroyed count (INV 9). */
  get room(): number {
    return this.#options.max - this.size - this.#resources.counts.ending
  }

  /** True when a further caller would have to wait until another gives something back. */
  get isCrowded(): boolean {
    const { leased, ending } = this.#resources.counts
    // Those who wait have a place each, also when its resource is not being created yet.
    const planned = Math.max(this.size, leased + this.#pending - this.#examiner.lent)
    return this.idle === 0 && planned + ending >= this.#options.max
  }

  start(): void {
    if (this.#host || this.#closed) return
    this.#host = this.#open()
    // Whoever needs it hears of it.
    this.#host.catch(() => undefined)
    this.#until.changed()
  }

  /** Resolves when `min` resources are there; rejects with the cause when they can't be created. */
  async ready(): Promise<void> {
    await this.#until.is(() => this.#host !== undefined || this.#closed)
    try {
      await (await this.#host)?.ready()
    } catch (problem) {
      throw explain(problem, this.#options.acquireMs)
    }
  }

  /** A resource, or its handle. */
  async acquire(acquisition: Acquisition): Promise<T> {
    if (this.#closed) throw new GreenroomError('POOL_CLOSED', 'the pool is closed')
    const { acquireMs } = this.#options
    this.start()
    this.#pending++
    try {
      return await this.#lend(acquisition, this.clock.now() + acquireMs)
    } catch (problem) {
      this.#pending--
      this.#until.changed()
      throw explain(problem, acquireMs)
    }
  }

  isBorrowed(resource: unknown): boolean {
    return this.#loans.about(resource) !== undefined
  }

  /** What a handle stands for; `undefined` when it is over, or none. */
  rawOf(handle: unknown): T | undefined {
    return this.#loans.of(handle)?.resource
  }

  /** Takes a resource back, if `validate` (when given) has nothing against it. False when it isn't lent: nothing was done. */
  release(handle: unknown, validate?: Validate<T>): boolean {
    const loan = this.#loans.of(handle)
    if (!loan) return false
    this.#loans.end(loan)
    if (validate) void this.#takeBack(loan, validate)
    else loan.lease.release()
    return true
  }

  /** Takes a resource back to destroy it. It may be named by its handle, or be the resource itself. */
  destroy(resource: unknown): boolean {
    const loan = this.#loans.about(resource)
    if (!loan) return false
    this.#loans.end(loan)
    loan.lease.destroy()
    return true
  }

  /** Destroys the idle ones, of the first `count` by their idle time, of which `doomed` is true. */
  evict(count: number, doomed: (view: EvictionView) => boolean): void {
    const now = this.clock.now()
    const ids = new Set<string>()
    let looked = 0
    for (const { session, since } of this.#resources.idle) {
      if (looked++ >= count) break
      if (doomed({ idleMs: now - since, idle: this.idle - ids.size, leased: this.leased })) ids.add(session.id)
    }
    if (ids.size > 0) void this.#pool?.closeWhere(({ id }) => ids.has(id))
  }

  /** Waits for what is being created, then destroys whatever is idle. Resolves when it is gone. */
  async clear(): Promise<void> {
    const pool = await this.#host
    const starting = [...this.#resources.starting]
    await this.#until.is(() => starting.every(({ state }) => state !== 'starting'))
    await pool?.closeWhere(({ state }) => state === 'idle')
  }

  /** Resolves when nobody waits and nothing is lent. */
  async unused(): Promise<void> {
    await this.#until.is(() => this.#pending === 0 && this.#resources.counts.leased === 0)
  }

  /** Every resource is destroyed, once nothing is lent any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#until.changed()
    // A pool that could not be opened has told those who wanted something of it.
    const pool = await this.#host?.catch(() => undefined)
    await pool?.close({ grace: 0 })
  }

  async #open(): Promise<Pool> {
    const { min, max, createMs, destroyMs, restart, world } = this.#options
    const { pool } = await createPoolHost({
      driver: 'resources',
      balancer: 'idle-order',
      restart,
      // How many may wait is the facade's business.
      queue: { max: Number.MAX_SAFE_INTEGER },
      isolation: 'none',
      size: { min, max, spare: 0, starting: max },
      timeouts: {
        // Resources keep the deadlines of their beginning and end themselves: these are for the case that they don't.
        start: createMs + DEFAULT_VALIDATE_MS + 1_000,
        close: 2 * destroyMs + 1_000,
        acquire: false, idle: false, active: false, silence: false, total: false,
      },
      health: false,
      metrics: false,
      plugins: [this.#resources],
    }, { ...world, spawner: this.#resources })
    this.#pool = pool
    return pool
  }

  /** Nothing is lent to two at a time, not even when create() makes it twice. */
  async #create(): Promise<T> {
    const resource = await this.#options.create()
    if (this.#live.has(resource)) {
      throw new GreenroomError('ARGUMENT_INVALID', 'create() made something that is in the pool already: it must be a new one each time')
    }
    this.#live.add(resource)
    return resource
  }

  async #destroy(resource: T): Promise<void> {
    this.#live.delete(resource)
    await this.#options.destroy(resource)
  }

  /** INV 7: what is no good from the beginning is a failed start, so that it obeys back-off. While nobody waits, it is looked at later. */
  async #welcome(resource: T, signal: AbortSignal): Promise<boolean> {
    const { validate } = this.#options
    if (!validate || this.#pending === 0) return false
    if (await this.#examiner.look('fresh', resource, validate, signal)) return true
    throw new Error('validate() refused what create() had made')
  }

  /** Told by the pool in the moment in which it gives a resource to somebody who waits, so that the figures are right at once. */
  #granted({ id }: SessionView, served: Served): void {
    if (this.#validateFor(id, served)) this.#examiner.lent++
    else this.#pending--
  }

  /** How to look at a resource that is about to be lent; `undefined`: it need not be looked at. */
  #validateFor(sessionId: string, served: Served): Validate<T> | undefined {
    return this.#resources.isProven(sessionId, served) ? undefined : this.#options.validate
  }

  async #lend(acquisition: Acquisition, due: number): Promise<T> {
    const { signal } = acquisition
    // Who was given what is no good is the first to have another.
    for (let { priority } = acquisition; ; priority = Infinity) {
      const lease = await this.#lease(priority, due, signal)
      const resource = this.#resources.of(lease.sessionId)
      const validate = this.#validateFor(lease.sessionId, lease.served)
      if (!validate) return this.#loans.lend(lease, resource)

      acquisition.isExamining = true
      const anyEnd = signal ? AbortSignal.any([signal, lease.signal]) : lease.signal
      const isValid = await this.#examiner.look('lent', resource, validate, anyEnd, due - this.clock.now())
      acquisition.isExamining = false
      if (!isValid) lease.destroy('it is not valid')
      // INV 10: who gave up in the last moment gets none.
      else if (signal?.aborted) lease.release()
      else {
        this.#pending--
        return this.#loans.lend(lease, resource)
      }
    }
  }

  async #lease(priority: number, due: number, signal: AbortSignal | undefined): Promise<Lease> {
    const pool = this.#pool ?? await this.#host!
    // Whole milliseconds: time-outs of one duration share a timer.
    const left = Math.ceil(due - this.clock.now())
    if (left <= 0) throw new GreenroomError('ACQUIRE_TIMEOUT', 'the time was over when what came free had proved invalid')
    return await pool.acquire({ priority, ...(signal && { signal }), ...(left < Infinity && { timeout: left }) })
  }

  async #takeBack({ lease, resource }: Loan<T>, validate: Validate<T>): Promise<void> {
    if (await this.#examiner.look('returned', resource, validate, lease.signal)) lease.release()
    else lease.destroy('it is not valid')
  }
}
