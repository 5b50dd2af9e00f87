import { GreenroomError, type GreenroomErrorOptions, z } from '../contracts/index.ts'
import type { Creator } from './from-callback.ts'
import { callback, DEFAULT_CREATE_MS, DEFAULT_DESTROY_MS, handles } from './options.ts'

export interface PoolOptions<T> {
  /** Makes a resource: returns it or a promise of it, or calls its argument with (error, resource). */
  create: Creator<T>
  /** Destroys one; awaited when it returns a promise. */
  destroy(resource: T): unknown
  /** Asked before a resource is lent; what is falsy, or thrown, destroys it, and the caller gets another. Default: all are valid. */
  validate?: ((resource: T) => PromiseLike<boolean> | boolean) | undefined
  /** Idle resources are destroyed down to so many. They are not created ahead. */
  min: number
  /** Resources at most, those being created and destroyed included. */
  max: number
  /** Default 30000. */
  acquireTimeoutMillis?: number | undefined
  /** After so long create() has failed. Default 30000. */
  createTimeoutMillis?: number | undefined
  /** destroy() is awaited for so long. Default 5000. */
  destroyTimeoutMillis?: number | undefined
  /** Idle for so long, a resource is destroyed. Default 30000. */
  idleTimeoutMillis?: number | undefined
  /** How often idle resources are looked at. Default 1000. */
  reapIntervalMillis?: number | undefined
  /** Between a failed create() and the next. Default 200. */
  createRetryIntervalMillis?: number | undefined
  /** A failed create() rejects who has waited longest. Default false: it is tried again until the acquire time-out. */
  propagateCreateError?: boolean | undefined
  /** Hears of what no caller hears of. Without it, what throws is a warning of the process. */
  log?: ((message: string, level: 'warn') => unknown) | undefined
  /** Not tarn's. 'guarded': each acquire gives a stand-in that can do nothing after its release; 'plain': the resource itself. Default 'guarded'. */
  handles?: 'guarded' | 'plain' | undefined
}

/** What {@link Pool.on} tells of, with its arguments. The number names the operation; resources are what create() made, not handles. */
export interface PoolEvents<T> {
  acquireRequest: [number]
  acquireSuccess: [number, T]
  acquireFail: [number, unknown]
  release: [T]
  createRequest: [number]
  createSuccess: [number, T]
  createFail: [number, unknown]
  destroyRequest: [number, T]
  destroySuccess: [number, T]
  destroyFail: [number, T, unknown]
  startReaping: []
  stopReaping: []
  poolDestroyRequest: [number]
  poolDestroySuccess: [number]
}

/** No resource came free in time; the cause is what the last create() failed with, if it did. */
export class TimeoutError extends GreenroomError {
  constructor(message: string, options: GreenroomErrorOptions) {
    super('ACQUIRE_TIMEOUT', message, options)
  }
}

/** An acquire under way. */
export interface PendingAcquire<T> {
  readonly promise: Promise<T>
  readonly isRejected: boolean
  /** Gives up: the promise rejects. A resource that is being created for it is kept for others. Without effect when it was served. */
  abort(): void
}

const span = (ms: number) => z.int().min(1).default(ms)

export const poolSchema = z.strictObject({
  create: callback,
  destroy: callback,
  validate: callback.optional(),
  log: callback.optional(),
  min: z.int().min(0),
  max: z.int().min(1),
  acquireTimeoutMillis: span(30_000),
  createTimeoutMillis: span(DEFAULT_CREATE_MS),
  destroyTimeoutMillis: span(DEFAULT_DESTROY_MS),
  idleTimeoutMillis: span(30_000),
  reapIntervalMillis: span(1_000),
  createRetryIntervalMillis: span(200),
  propagateCreateError: z.boolean().default(false),
  handles,
}).refine(({ min, max }) => min <= max, { error: 'it is more than max', path: ['min'] })
