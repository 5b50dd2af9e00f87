/**
 * The surface of [tarn](https://github.com/vincit/tarn.js) 3.1 over greenroom's allocator, for those who migrate. It lends a program's own
 * objects, without processes. Where it differs on purpose is in docs/guides/migrating.md.
 *
 * @module
 */
import { EventEmitter } from 'node:events'
import { GreenroomError, isGreenroomError, messageOf, type Timer, type z } from '../contracts/index.ts'
import { warnOnce } from '../kernel/warn-once.ts'
import { type Creator, fromCallback } from './from-callback.ts'
import { type FacadeWorld, notLent, readOptions } from './options.ts'
import { ResourcePool } from './resource-pool.ts'
import type { Acquisition } from './resource-pool-options.ts'
import { type PendingAcquire, type PoolEvents, type PoolOptions, poolSchema, TimeoutError } from './tarn-options.ts'
import { tell } from './tell.ts'

export { TimeoutError }
export type { Creator, FacadeWorld, PendingAcquire, PoolEvents, PoolOptions }

interface Acquire extends Acquisition {
  isRejected: boolean
  reject(error: unknown): void
}

export class Pool<T> {
  readonly #options: z.output<typeof poolSchema>
  readonly #log: ((message: string, level: 'warn') => unknown) | undefined
  readonly #emitter = new EventEmitter()
  readonly #resources: ResourcePool<T>
  /** Those that are neither served nor rejected, in their order. */
  readonly #acquires = new Set<Acquire>()
  #operations = 0
  #reaping: Timer | undefined
  #destroyed: Promise<void> | undefined

  /**
   * @param world Time and chance, for tests. Default: the real ones.
   * @throws GreenroomError `CONFIG_INVALID` for an unknown option or a value out of range.
   */
  constructor(options: PoolOptions<T>, world: FacadeWorld = {}) {
    const checked = readOptions(poolSchema, options)
    this.#options = checked
    this.#log = options.log
    const { validate } = options
    this.#resources = new ResourcePool<T>({
      create: () => fromCallback(options.create),
      destroy: (resource) => options.destroy(resource),
      validate: validate && (async (resource) => Boolean(await validate(resource))),
      min: 0,
      max: checked.max,
      acquireMs: checked.acquireTimeoutMillis,
      createMs: checked.createTimeoutMillis,
      destroyMs: checked.destroyTimeoutMillis,
      order: 'lifo',
      restart: 'fixed',
      retryMs: checked.createRetryIntervalMillis,
      guarded: checked.handles === 'guarded',
      events: {
        createBegun: () => this.#begin('createRequest'),
        created: (id, resource) => this.#tell('createSuccess', id as number, resource),
        createFailed: (id, error) => this.#createFailed(id as number, error),
        destroyBegun: (resource) => this.#begin('destroyRequest', resource),
        destroyed: (id, resource) => this.#tell('destroySuccess', id as number, resource),
        destroyFailed: (id, resource, error) => {
          this.#tell('destroyFail', id as number, resource, error)
          this.#problem(error, 'destroy()')
        },
      },
      problem: (problem, where) => this.#problem(problem, where),
      world,
    })
  }

  /** Resources that are lent, or being validated in order to be lent. */
  numUsed(): number {
    return this.#resources.leased + this.#resources.examined.fresh
  }

  numFree(): number {
    return this.#resources.idle
  }

  /** Callers who wait; not those for whom a resource is being validated. */
  numPendingAcquires(): number {
    return Math.max(0, this.#resources.pending - this.numPendingValidations())
  }

  numPendingValidations(): number {
    return this.#resources.examined.all
  }

  numPendingCreates(): number {
    return this.#resources.creating
  }

  isEmpty(): boolean {
    return this.numFree() + this.numUsed() + this.#resources.pending + this.numPendingCreates() === 0
  }

  /** Lends a resource. */
  acquire(): PendingAcquire<T> {
    const id = this.#begin('acquireRequest')
    const giveUp = new AbortController()
    let acquire!: Acquire
    const promise = new Promise<T>((resolve, reject) => {
      acquire = {
        priority: 0,
        signal: giveUp.signal,
        isRejected: false,
        reject: (error) => {
          if (!this.#acquires.delete(acquire)) return
          acquire.isRejected = true
          this.#tell('acquireFail', id, error)
          reject(error)
          giveUp.abort(error)
        },
      }
      this.#acquires.add(acquire)
      this.#lend(acquire).then((resource) => {
        // INV 10: who gave up in the last moment gets none.
        if (!this.#acquires.delete(acquire)) return void this.#resources.release(resource)
        this.#startReaping()
        this.#tell('acquireSuccess', id, this.#resources.rawOf(resource)!)
        resolve(resource)
      }, acquire.reject)
    })
    return {
      promise,
      get isRejected() {
        return acquire.isRejected
      },
      abort: () => acquire.reject(new GreenroomError('ACQUIRE_ABORTED', 'the caller gave up while it waited for a resource')),
    }
  }

  /** Takes a resource back. False when it isn't lent: it has no effect on whoever has it now. */
  release(resource: T): boolean {
    const raw = this.#resources.rawOf(resource)
    if (!this.#resources.release(resource)) {
      this.#note(`release(): ${notLent().message}`)
      return false
    }
    this.#tell('release', raw!)
    return true
  }

  /** Looks at the idle resources now. */
  check(): void {
    const { min, idleTimeoutMillis } = this.#options
    this.#resources.evict(Infinity, ({ idleMs, idle, leased }) => idleMs >= idleTimeoutMillis && idle > min - leased)
    if (this.isEmpty()) this.#stopReaping()
  }

  /** Turns away who waits, waits until all is given back, and destroys it. Resolves when everything is gone. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy()
    return this.#destroyed
  }

  /** What a listener throws is logged, and harms nobody. */
  on<Name extends keyof PoolEvents<T>>(event: Name, listener: (...args: PoolEvents<T>[Name]) => void): void {
    this.#emitter.on(event, listener as (...args: unknown[]) => void)
  }

  removeListener<Name extends keyof PoolEvents<T>>(event: Name, listener: (...args: PoolEvents<T>[Name]) => void): void {
    this.#emitter.removeListener(event, listener as (...args: unknown[]) => void)
  }

  removeAllListeners(event?: keyof PoolEvents<T>): void {
    this.#emitter.removeAllListeners(event)
  }

  async #lend(acquire: Acquire): Promise<T> {
    if (this.#destroyed) throw new GreenroomError('POOL_CLOSED', 'the pool was destroyed')
    try {
      return await this.#resources.acquire(acquire)
    } catch (problem) {
      if (!isGreenroomError(problem, 'ACQUIRE_TIMEOUT')) throw problem
      throw new TimeoutError(problem.message, { cause: problem.cause, ...(problem.pool && { pool: problem.pool }) })
    }
  }

  async #destroy(): Promise<void> {
    const id = this.#begin('poolDestroyRequest')
    this.#stopReaping()
    for (const acquire of [...this.#acquires]) acquire.reject(new GreenroomError('POOL_CLOSED', 'the pool was destroyed while the caller waited'))
    await this.#resources.unused()
    await this.#resources.close()
    this.#tell('poolDestroySuccess', id)
    this.#emitter.removeAllListeners()
  }

  #createFailed(id: number, error: unknown): void {
    this.#tell('createFail', id, error)
    if (!this.#options.propagateCreateError) return
    for (const acquire of this.#acquires) {
      if (!acquire.isExamining) return acquire.reject(error)
    }
  }

  #startReaping(): void {
    if (this.#reaping || this.#destroyed) return
    this.#tell('startReaping')
    this.#scheduleReaping()
  }

  #scheduleReaping(): void {
    this.#reaping = this.#resources.clock.setTimer(() => {
      this.#scheduleReaping()
      this.check()
    }, this.#options.reapIntervalMillis, { background: true })
  }

  #stopReaping(): void {
    if (!this.#reaping) return
    this.#reaping.cancel()
    this.#reaping = undefined
    this.#tell('stopReaping')
  }

  #problem(problem: unknown, where: string): void {
    if (this.#log) this.#note(`${where}: ${messageOf(problem)}`)
    else warnOnce(problem, where)
  }

  #note(message: string): void {
    if (this.#log) tell([this.#log], [`greenroom: ${message}`, 'warn'], (error) => warnOnce(error, 'log()'))
  }

  #begin<Name extends keyof PoolEvents<T>>(event: Name, ...args: unknown[]): number {
    const id = ++this.#operations
    this.#tell(event, ...([id, ...args] as PoolEvents<T>[Name]))
    return id
  }

  #tell<Name extends keyof PoolEvents<T>>(event: Name, ...args: PoolEvents<T>[Name]): void {
    tell(this.#emitter.listeners(event), args, (problem) => this.#problem(problem, `a listener of "${event}"`))
  }
}

export default { Pool, TimeoutError }
