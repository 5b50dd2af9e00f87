import { z } from '../contracts/index.ts'
import { callback, DEFAULT_CREATE_MS, DEFAULT_DESTROY_MS, handles } from './options.ts'

export interface Factory<T> {
  create(): PromiseLike<T> | T
  destroy(resource: T): unknown
  /** False, or what it throws: the resource is destroyed, and the caller gets another. */
  validate?(resource: T): PromiseLike<boolean> | boolean
}

/** What {@link createPool} takes. Numbers may be given as their digits, as environment variables have them; `null` is "not given". */
export interface Options {
  /** Resources at most, those being created and destroyed included. Default 1. */
  max?: number | null | undefined
  /** Resources kept; `max` when it is more. Default 0. */
  min?: number | null | undefined
  /** Callers who may wait. Default: no limit. */
  maxWaitingClients?: number | null | undefined
  /** Validates a resource before it is lent. Needs `factory.validate`. Default false. */
  testOnBorrow?: boolean | undefined
  /** Validates a resource after it was released. Needs `factory.validate`. Default false. */
  testOnReturn?: boolean | undefined
  /** Default, and 0: no limit. */
  acquireTimeoutMillis?: number | null | undefined
  /** Default, and 0: 5000. */
  destroyTimeoutMillis?: number | null | undefined
  /** Not generic-pool's: after so long create() has failed. Default 30000. */
  createTimeoutMillis?: number | null | undefined
  /** True: the longest idle resource is lent first; false: the last released. Default true. */
  fifo?: boolean | undefined
  /** Priorities go from 0, the first to be served, to one less than this. Default 1. */
  priorityRange?: number | null | undefined
  /** False: nothing is created before start(), or the first acquire(). Default true. */
  autostart?: boolean | undefined
  /** How often idle resources are looked at; 0: never. Default 0. */
  evictionRunIntervalMillis?: number | null | undefined
  /** Idle resources looked at each time, the longest idle first. Default 3. */
  numTestsPerEvictionRun?: number | null | undefined
  /** Idle for longer, a resource goes if more than `min` are idle; -1: never. Default -1. */
  softIdleTimeoutMillis?: number | null | undefined
  /** Idle for longer, a resource goes in any case; `Infinity`: never. Default 30000. */
  idleTimeoutMillis?: number | null | undefined
  /** Not generic-pool's. 'guarded': each acquire gives a stand-in that can do nothing after its release; 'plain': the resource itself. Default 'guarded'. */
  handles?: 'guarded' | 'plain' | undefined
  /** Only the native one. */
  Promise?: PromiseConstructor | null | undefined
}

const fromText = (value: unknown): unknown => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value ?? undefined)
const whole = (least: number) => z.preprocess(fromText, z.int().min(least).optional())
const wholeOr = (least: number, otherwise: number) => z.preprocess(fromText, z.int().min(least).default(otherwise))
/** 0 is "not given", too. */
const spanOr = (otherwise: number) => z.preprocess((value) => fromText(value) || undefined, z.int().min(1).or(z.literal(Infinity)).default(otherwise))

export const optionsSchema = z.strictObject({
  max: wholeOr(1, 1),
  min: wholeOr(0, 0),
  maxWaitingClients: whole(0),
  testOnBorrow: z.boolean().default(false),
  testOnReturn: z.boolean().default(false),
  acquireTimeoutMillis: spanOr(Infinity),
  destroyTimeoutMillis: wholeOr(0, 0).transform((ms) => ms || DEFAULT_DESTROY_MS),
  createTimeoutMillis: wholeOr(1, DEFAULT_CREATE_MS),
  fifo: z.boolean().default(true),
  priorityRange: wholeOr(1, 1),
  autostart: z.boolean().default(true),
  evictionRunIntervalMillis: wholeOr(0, 0),
  numTestsPerEvictionRun: wholeOr(1, 3),
  softIdleTimeoutMillis: wholeOr(-1, -1),
  idleTimeoutMillis: spanOr(30_000),
  handles,
  Promise: z.custom((value) => (value ?? Promise) === Promise, { error: 'other promises than the native ones cannot be given: leave it out' }).optional(),
})

export const factorySchema = z.object({ create: callback, destroy: callback, validate: callback.optional() })
