import { describe, expect, it } from 'vitest'
import type { PoolConfig } from 'greenroom'
import { createInMemoryWorld } from 'greenroom/testing'
import { greenroomErrorOf } from '../../support/rejection.ts'

describe('the options of evictors', () => {
  it.each<[string, unknown, string]>([
    ['an option of ttl that there is not', { use: 'ttl', keeps: '1m' }, 'evictor.keeps: unknown option "keeps", did you mean "keep"?'],
    ['an option of greedy-dual', { use: 'greedy-dual', keys: 1 }, 'evictor.keys: unknown option "keys"'],
    ['a horizon of nothing', { use: 'learned', horizon: 0 }, 'evictor.horizon: must be at least 1 ms'],
    ['no keys', { use: 'learned', keys: 0 }, 'evictor.keys: Too small'],
    ['an unknown option of learned', { use: 'learned', rate: 1 }, 'evictor.rate: unknown option "rate". Known: horizon, keys'],
    ['a bin of nothing', { use: 'hybrid-histogram', bin: 0 }, 'evictor.bin: must be at least 1 ms'],
    ['a bin longer than all', { use: 'hybrid-histogram', bin: '2h', range: '1h' }, 'evictor.bin: must not be longer than range'],
    ['a window that ends before it begins', { use: 'hybrid-histogram', head: 60, tail: 50 }, 'evictor.head: must not be more than tail'],
    ['a negative spread', { use: 'hybrid-histogram', spread: -1 }, 'evictor.spread: Too small'],
    ['a percentile beyond all', { use: 'hybrid-histogram', tail: 101 }, 'evictor.tail: Too big'],
    ['an unknown evictor', 'lrru', 'unknown evictor "lrru"'],
  ])('are refused when there is %s, in words that help', async (_what, evictor, message) => {
    const config = { evictor: evictor as NonNullable<PoolConfig['evictor']> }
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool(config))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
  })
})
