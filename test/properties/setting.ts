import fc from 'fast-check'

/** What one run is played with. */
export interface Setting {
  readonly seed: number
  readonly size: {
    readonly min: number
    readonly max: number
    readonly spare: number
    readonly perTenant: number
    readonly starting: number
    readonly memory?: number
  }
  readonly isolation: 'tenant' | 'none'
  readonly concurrency: number
  readonly reset: boolean
  readonly bind: boolean
  readonly park: boolean
  readonly bindAtSpawn: boolean
  readonly resumesAtSpawn: boolean
  readonly maxUses: number | undefined
  readonly total: number | undefined
  readonly active: number
  readonly queue: 'fair' | 'fifo' | 'priority'
  readonly queueMax: number
  /** Sessions are measured, and there is a memory limit. */
  readonly measured: boolean
  /** Strategies and hooks may throw, hang, or answer nonsense. */
  readonly moody: boolean
}

export const TIMEOUTS = { start: 500, acquire: 3_000, idle: 10_000, silence: 2_000, settle: 300, close: 200 } as const
export const HEALTH = { every: 4_000, timeout: 200 } as const
export const METRICS_EVERY = 2_000
export const MEMORY = { soft: 400_000_000, hard: 800_000_000 } as const
/** All deadlines but those of leases and idleness, the breaker's cool-down and a probe have passed by then. */
export const REST_MS = 8_000

/** Any setting. */
export const setting: fc.Arbitrary<Setting> = fc
  .record({
    seed: fc.nat(),
    max: fc.constantFrom(3, 2, 1, 4, 5, 6),
    min: fc.integer({ min: 0, max: 2 }),
    spare: fc.integer({ min: 0, max: 2 }),
    perTenant: fc.integer({ min: 1, max: 5 }),
    starting: fc.constantFrom(1, 2, 8),
    isolation: fc.constantFrom('tenant' as const, 'tenant' as const, 'none' as const),
    concurrency: fc.constantFrom(1, 1, 2),
    reset: fc.boolean(),
    bind: fc.boolean(),
    park: fc.boolean(),
    bindAtSpawn: fc.constantFrom(false, false, false, true),
    resumesAtSpawn: fc.constantFrom(false, false, true),
    maxUses: fc.constantFrom(undefined, undefined, 1, 3),
    total: fc.constantFrom(undefined, undefined, 6_000),
    active: fc.constantFrom(300_000, 300_000, 3_000),
    queue: fc.constantFrom('fair' as const, 'fair' as const, 'fifo' as const, 'priority' as const),
    queueMax: fc.constantFrom(100, 100, 100, 100, 2, 0),
    measured: fc.constantFrom(false, false, true),
    memory: fc.constantFrom(undefined, 2 * MEMORY.soft, 5 * MEMORY.soft),
    moody: fc.constantFrom(false, false, true),
  })
  .map(({ max, min, spare, perTenant, starting, memory, bindAtSpawn, resumesAtSpawn, ...rest }) => ({
    ...rest,
    bindAtSpawn: bindAtSpawn && rest.isolation === 'tenant',
    resumesAtSpawn: resumesAtSpawn && rest.park,
    size: {
      max, min: Math.min(min, max), spare: Math.min(spare, max), perTenant: Math.min(perTenant, max), starting,
      ...(rest.measured && memory !== undefined && { memory }),
    },
  }))

export interface Ending {
  /** `rest`: everybody behaves and nobody moves; then the pool is closed. */
  readonly how: 'rest' | 'drain' | 'close' | 'close at once'
  /** How many of the last steps come after the drain, or the close, has begun. */
  readonly tail: number
}

/** Any way to end. */
export const ending: fc.Arbitrary<Ending> = fc.record({
  how: fc.constantFrom('rest' as const, 'rest' as const, 'drain' as const, 'close' as const, 'close at once' as const),
  tail: fc.nat({ max: 20 }),
})
