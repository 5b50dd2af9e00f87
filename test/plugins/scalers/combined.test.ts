import { describe, expect, it } from 'vitest'
import { createInMemoryWorld } from 'greenroom/testing'
import { z } from '../../../src/contracts/index.ts'
import { NestedStrategy } from '../../../src/contracts/nested.ts'
import { createKernel } from '../../support/kernel-harness.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { scene } from '../../pool/scene.ts'
import { makeScaler } from './support.ts'

describe('the scalers max and min', () => {
  it('decide as the scaler with the largest, or the smallest, target', async () => {
    const of = ['demand', { use: 'panic', target: 0.6 }]
    const [largest, smallest] = [await makeScaler('max', { of }), await makeScaler('min', { of })]
    const view = { busy: 10, spare: 1 }
    expect(largest.decide(view)).toEqual({ target: 17, reason: '10 busy, 17 by the average' })
    expect(smallest.decide(view)).toEqual({ target: 11, reason: '10 busy, 1 spare' })
  })

  it('ask all of them every time, for some learn from what they see', async () => {
    const { target, clock } = await makeScaler('max', { of: ['demand', { use: 'utilization', stabilization: '1m' }] })
    expect(target({ size: 10, busy: 10 })).toBe(13)
    clock.advance(59_000)
    expect(target({ size: 10, idleSpareFresh: 0, spare: 2 })).toBe(13)
  })

  it('nest in each other', async () => {
    const { target } = await makeScaler('min', { of: [{ use: 'max', of: ['demand', { use: 'min', of: ['demand', 'panic'] }] }, 'demand'] })
    expect(target({ busy: 3, waiting: 2 })).toBe(5)
  })

  it('scale a pool, by a config', async () => {
    const { pool, clock } = await scene({ size: { max: 10, spare: 1 }, scaler: { use: 'max', of: ['demand', { use: 'panic', target: 0.25 }] } })
    const lease = await pool.acquire()
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ size: 4, scaling: { target: 4 } })
    lease.release()
  })

  it.each<[string, unknown, string]>([
    ['none at all', { use: 'max' }, 'scaler.of: missing: expected array'],
    ['an empty list', { use: 'min', of: [] }, 'scaler.of: Too small'],
    ['an unknown name', { use: 'max', of: ['demand', 'panick'] }, 'scaler.of[1]: unknown scaler "panick", did you mean "panic"? Known: '],
    ['an unknown name by use', { use: 'max', of: [{ use: 'demnd' }] }, 'scaler.of[0].use: unknown scaler "demnd", did you mean "demand"?'],
    ['a number', { use: 'max', of: [3] }, 'scaler.of[0]: expected the name of a scaler, or an object { use: name, …options }'],
    ['no name', { use: 'max', of: [{ target: 1 }] }, 'scaler.of[0]: expected the name of a scaler'],
    ['an unknown option', { use: 'max', of: ['demand', { use: 'panic', windw: 1 }] }, 'scaler.of[1].windw: unknown option "windw". Known: target, stableWindow'],
    ['an option out of range, deeper', { use: 'max', of: [{ use: 'min', of: [{ use: 'panic', target: 2 }] }] }, 'scaler.of[0].of[0].target: Too big'],
  ])('are refused with %s, in words that help', async (_what, scaler, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ scaler: scaler as 'demand' }))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(message)
  })
})

describe('a nested strategy', () => {
  it('can be named by a custom plugin, of any kind and at any depth of its options', async () => {
    const { pool, clock } = await scene({ size: { max: 5, spare: 0 }, scaler: { use: 'one-more', than: { scaler: 'panic' } } as never }, {
      apply: (kernel) => kernel.strategy('scaler', 'one-more', {
        description: 'test',
        options: z.strictObject({ than: z.strictObject({ scaler: z.custom().transform((given) => new NestedStrategy('scaler', given)) }) }),
        create: async ({ than }, context) => {
          const scaler = await than.scaler.make(context)
          return { decide: (view, trigger) => ({ target: scaler.decide(view, trigger).target + 1, reason: 'one more' }) }
        },
      }),
    })
    const lease = await pool.acquire()
    await clock.advance(1_000)
    expect(pool.getPoolStats().scaling.target).toBe(3)
    lease.release()
  })

  it('is not made from options that no config was checked for', async () => {
    const error = await greenroomErrorOf(() => new NestedStrategy('scaler', 'demand').make(createKernel().context))
    expect(error.code).toBe('PLUGIN_INVALID')
  })
})
