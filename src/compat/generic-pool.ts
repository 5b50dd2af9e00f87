/**
 * The surface of [generic-pool](https://github.com/coopernurse/node-pool) 3.9 over greenroom's allocator, for those who migrate. It lends
 * a program's own objects, without processes. Where it differs on purpose is in docs/guides/migrating.md.
 *
 * @module
 */
import { EventEmitter } from 'node:events'
import { GreenroomError, type Timer, type z } from '../contracts/index.ts'
import { warnOnce } from '../kernel/warn-once.ts'
import type { Validate } from './examiner.ts'
import { factorySchema, optionsSchema, type Factory, type Options } from './generic-pool-options.ts'
import { type FacadeWorld, notLent, readOptions } from './options.ts'
import { ResourcePool } from './resource-pool.ts'
import type { EvictionView } from './resource-pool-options.ts'
import { tell } from './tell.ts'

export type { FacadeWorld, Factory, Options }

/**
 * Made with {@link createPool}. Emits `factoryCreateError` and `factoryDestroyError` with the error, and `problem`, with an error and a
 * text that says where, for anything else that no caller hears of; without a listener a problem is a warning of the process.
 */
export class Pool<T> extends EventEmitter {
  readonly max: number
  readonly min: number
  readonly #options: z.output<typeof optionsSchema>
  readonly #testOnReturn: Validate<T> | undefined
  readonly #resources: ResourcePool<T>
  #draining: Promise<void> | undefined
  #drained = false
  #nextEviction: Timer | undefined

  constructor(factory: Factory<T>, options: Options | undefined, world: FacadeWorld) {
    super()
    readOptions(factorySchema, factory)
    this.#options = readOptions(optionsSchema, options ?? {})
    const { max, min, testOnBorrow, testOnReturn } = this.#options
    if ((testOnBorrow || testOnReturn) && !factory.validate) {
      throw new GreenroomError('CONFIG_INVALID', 'testOnBorrow and testOnReturn need a factory.validate')
    }
    this.max = max
    this.min = Math.min(min, max)
    // Anything but false is a yes.
    const validate: Validate<T> = async (resource) => (await factory.validate?.(resource)) !== false
    this.#testOnReturn = testOnReturn ? validate : undefined
    this.#resources = new ResourcePool<T>({
      create: () => factory.create(),
      destroy: (resource) => factory.destroy(resource),
      validate: testOnBorrow ? validate : undefined,
      min: this.min,
      max,
      acquireMs: this.#options.acquireTimeoutMillis,
      createMs: this.#options.createTimeoutMillis,
      destroyMs: this.#options.destroyTimeoutMillis,
      order: this.#options.fifo ? 'fifo' : 'lifo',
      restart: 'backoff',
      retryMs: 0,
      guarded: this.#options.handles === 'guarded',
      events: {
        createBegun() {},
        created() {},
        createFailed: (_begun, error) => this.#tell('factoryCreateError', error),
        destroyBegun() {},
        destroyed() {},
        destroyFailed: (_begun, _resource, error) => this.#tell('factoryDestroyError', error),
      },
      problem: (problem, where) => this.#problem(problem, where),
      world,
    })
    if (this.#options.autostart) this.start()
  }

  /** Resources, also those that are being created. */
  get size(): number {
    return this.#resources.size
  }

  /** Resources that are idle. */
  get available(): number {
    return this.#resources.idle
  }

  /** Resources that are lent. */
  get borrowed(): number {
    return this.#resources.borrowed
  }

  /** Callers who wait. */
  get pending(): number {
    return this.#resources.pending
  }

  /** Resources that may be created now, beside those there are. */
  get spareResourceCapacity(): number {
    return this.#resources.room
  }

  /** Begins to create `min` resources and to look at idle ones. Done already unless `autostart` is false. */
  start(): void {
    if (this.#draining) return
    this.#resources.start()
    if (!this.#nextEviction) this.#scheduleEviction()
  }

  /** Resolves when `min` resources have been created; rejects with the cause when they can't be. */
  ready(): Promise<void> {
    return this.#resources.ready()
  }

  /**
   * Lends a resource.
   * @param priority 0 is served first; what is out of the range is served last. Default 0.
   */
  async acquire(priority = 0): Promise<T> {
    if (this.#draining) throw new GreenroomError('POOL_DRAINING', 'the pool is draining and lends nothing any more')
    const { maxWaitingClients = Infinity, priorityRange } = this.#options
    this.start()
    if (this.pending >= maxWaitingClients && this.#resources.isCrowded) {
      throw new GreenroomError('QUEUE_FULL', `${this.pending} callers wait already (maxWaitingClients): try again later, or raise max or maxWaitingClients`)
    }
    const slot = Math.trunc(Number(priority)) || 0
    return await this.#resources.acquire({ priority: -(slot < 0 || slot >= priorityRange ? priorityRange - 1 : slot) })
  }

  /** Takes a resource back. Rejects when it isn't lent: it has no effect on whoever has it now. */
  async release(resource: T): Promise<void> {
    if (!this.#resources.release(resource, this.#testOnReturn)) throw notLent()
  }

  /** Takes a resource back to destroy it. Resolves when it is taken back. */
  async destroy(resource: T): Promise<void> {
    if (!this.#resources.destroy(resource)) throw notLent()
  }

  /** Lends a resource to `work`, and takes it back; destroys it when `work` fails. */
  async use<R>(work: (resource: T) => PromiseLike<R> | R, priority?: number): Promise<R> {
    const resource = await this.acquire(priority)
    try {
      const result = await work(resource)
      // Unless it was given back already.
      this.#resources.release(resource, this.#testOnReturn)
      return result
    } catch (error) {
      this.#resources.destroy(resource)
      throw error
    }
  }

  isBorrowedResource(resource: T): boolean {
    return this.#resources.isBorrowed(resource)
  }

  /** Lends nothing to new callers; resolves when all who waited were served and everything is back. */
  drain(): Promise<void> {
    this.#draining ??= this.#resources.unused().then(() => {
      this.#nextEviction?.cancel()
      this.#drained = true
    })
    return this.#draining
  }

  /** Destroys the idle resources and resolves when they are gone. Once the pool is drained there will be no others. */
  clear(): Promise<void> {
    return this.#drained ? this.#resources.close() : this.#resources.clear()
  }

  #scheduleEviction(): void {
    const { evictionRunIntervalMillis: every, numTestsPerEvictionRun } = this.#options
    if (every === 0) return
    this.#nextEviction = this.#resources.clock.setTimer(() => {
      this.#resources.evict(numTestsPerEvictionRun, this.#isExpired)
      this.#scheduleEviction()
    }, every, { background: true })
  }

  readonly #isExpired = ({ idleMs, idle }: EvictionView): boolean => {
    const { softIdleTimeoutMillis: soft, idleTimeoutMillis } = this.#options
    return idleMs > idleTimeoutMillis || (soft > 0 && idleMs > soft && idle > this.min)
  }

  #problem(problem: unknown, where: string): void {
    if (this.listenerCount('problem') === 0) warnOnce(problem, where)
    else this.#tell('problem', problem, where)
  }

  #tell(event: string, ...args: unknown[]): void {
    tell(this.rawListeners(event), args, (problem) => warnOnce(problem, `a listener of "${event}"`))
  }
}

/**
 * Makes a pool of what `factory.create()` makes.
 * @param world Time and chance, for tests. Default: the real ones.
 * @throws GreenroomError `CONFIG_INVALID` for an unknown option or a value out of range.
 */
export function createPool<T>(factory: Factory<T>, options?: Options | null, world: FacadeWorld = {}): Pool<T> {
  return new Pool(factory, options ?? undefined, world)
}

export default { createPool, Pool }
