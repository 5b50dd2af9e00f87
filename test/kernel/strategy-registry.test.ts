import { beforeEach, describe, expect, it } from 'vitest'
import { GreenroomError, z, type StrategyDefinition, type StrategyKind } from '../../src/contracts/index.ts'
import { STRATEGY_KINDS } from '../../src/kernel/strategy-methods.ts'
import { createKernel, emptyStrategy, type KernelHarness } from '../support/kernel-harness.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

let kernel: KernelHarness
beforeEach(() => {
  kernel = createKernel()
})

const options = z.strictObject({ bias: z.number().default(1) })
type Definition = StrategyDefinition<'balancer', typeof options>
const definition = (create: () => unknown = () => emptyStrategy('balancer')): Definition => ({ description: 'x', options, create: create as Definition['create'] })
const chosen = { kind: 'balancer', name: 'mine', options: { bias: 2 } } as const

describe('StrategyRegistry', () => {
  it('makes a strategy from its options and context', async () => {
    const seen: unknown[] = []
    const made = emptyStrategy('balancer')
    const create = (...given: unknown[]) => (seen.push(...given), made as never)
    kernel.registry.register('balancer', 'mine', { description: 'x', options, create })
    expect(await kernel.registry.create(chosen, kernel.context)).toBe(made)
    expect(seen).toEqual([{ bias: 2 }, kernel.context])
    expect(kernel.clock.pending).toBe(0)
  })

  it('knows names by kind: what is registered and what could be loaded', () => {
    kernel.registry.register('balancer', 'mine', definition())
    kernel.registry.lazy('balancer', 'bundled', () => Promise.reject(new Error('never loaded')))
    expect(kernel.registry.names('balancer')).toEqual(['bundled', 'mine'])
    expect(kernel.registry.names('scaler')).toEqual([])
    expect(kernel.registry.definition('balancer', 'bundled')).toBeUndefined()
    expect(kernel.registry.toLoad('balancer', 'mine')).toBeUndefined()
  })

  it('refuses a name that is taken, and one that is kept for a bundled strategy', async () => {
    kernel.registry.register('balancer', 'mine', definition())
    kernel.registry.lazy('balancer', 'least-loaded', () => Promise.reject(new Error('never loaded')))
    const twice = await greenroomErrorOf(() => kernel.registry.register('balancer', 'mine', definition()))
    expect([twice.code, twice.message]).toEqual(['PLUGIN_INVALID', 'The balancer "mine" is registered twice: choose another name'])
    const kept = await greenroomErrorOf(() => kernel.registry.register('balancer', 'least-loaded', definition()))
    expect([kept.code, kept.message]).toEqual(['PLUGIN_INVALID', expect.stringContaining('"least-loaded" comes with greenroom')])
  })

  it.each([
    ['a kind that does not exist', 'balancr', 'x', {}, /no kind of strategy. Known: driver, balancer/],
    ['an empty name', 'balancer', '', {}, /its name must be/],
    ['no definition', 'balancer', 'x', null, /must be an object/],
    ['no description', 'balancer', 'x', { options, create: () => ({}) }, /"description"/],
    ['no create', 'balancer', 'x', { description: 'x', options }, /"create"/],
    ['options that are no schema', 'balancer', 'x', { description: 'x', options: {}, create: () => ({}) }, /"options" must be a schema/],
  ])('refuses %s', async (_what, kind, name, given, message) => {
    const error = await greenroomErrorOf(() => kernel.registry.register(kind as StrategyKind, name, given as never))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toMatch(message)
  })

  it('says which strategies there are when asked for another', async () => {
    kernel.registry.register('balancer', 'mine', definition())
    const error = await greenroomErrorOf(() => kernel.registry.create({ kind: 'balancer', name: 'yours', options: {} }, kernel.context))
    expect([error.code, error.message]).toEqual(['CONFIG_INVALID', 'There is no balancer "yours". Known: mine'])
    const none = await greenroomErrorOf(() => kernel.registry.create({ kind: 'scaler', name: 'x', options: {} }, kernel.context))
    expect(none.message).toContain('Known: none')
  })

  it('gives the cause when create throws or rejects, and lets coded errors through', async () => {
    const cause = new Error('no luck')
    for (const create of [() => { throw cause }, () => Promise.reject(cause)]) {
      const { registry, context } = createKernel()
      registry.register('balancer', 'mine', definition(create))
      expect(await greenroomErrorOf(() => registry.create(chosen, context))).toMatchObject({ code: 'PLUGIN_FAILED', cause })
    }
    kernel.registry.register('balancer', 'mine', definition(() => Promise.reject(new GreenroomError('PEER_MISSING', 'npm i x'))))
    expect((await greenroomErrorOf(() => kernel.registry.create(chosen, kernel.context))).code).toBe('PEER_MISSING')
  })

  it('gives up on a create that never settles', async () => {
    kernel.registry.register('balancer', 'mine', definition(() => new Promise(() => undefined)))
    const failure = greenroomErrorOf(() => kernel.registry.create(chosen, kernel.context))
    kernel.clock.advance(10_000)
    expect(await failure).toMatchObject({ code: 'PLUGIN_FAILED', message: expect.stringContaining('within 10 s') as string })
  })

  it('refuses what is no strategy of the kind, and takes what is one', async () => {
    for (const kind of STRATEGY_KINDS) {
      const { registry, context } = createKernel()
      let made: unknown
      registry.register(kind, 'x', { description: 'x', options: z.strictObject({}), create: () => made as never })
      for (made of [undefined, null, 'text', () => undefined, {}]) {
        const error = await greenroomErrorOf(() => registry.create({ kind, name: 'x', options: {} }, context))
        expect([error.code, error.message]).toEqual(['PLUGIN_INVALID', expect.stringContaining(`of the ${kind} "x" made is no ${kind}: it`)])
      }
      made = emptyStrategy(kind)
      expect(await registry.create({ kind, name: 'x', options: {} }, context)).toBe(made)
    }
    kernel.registry.register('driver', 'x', { description: 'x', options: z.strictObject({}), create: () => ({ ...emptyStrategy('driver'), capabilities: undefined }) as never })
    expect((await greenroomErrorOf(() => kernel.registry.create({ kind: 'driver', name: 'x', options: {} }, kernel.context))).message).toContain('capabilities')
  })
})
