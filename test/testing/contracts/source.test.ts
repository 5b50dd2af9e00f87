import { describe, expect, it } from 'vitest'
import { type Balancer, definePlugin, z } from 'greenroom/kit'
import { balancerContract } from 'greenroom/testing'
import { failuresOf } from './failures.ts'

describe('every suite', () => {
  const pick: Balancer['pick'] = (candidates) => candidates[0]!
  const plugin = (options: z.ZodType, description = 'A balancer for tests.') => definePlugin({
    name: 'some-plugin',
    apply: (kernel) => kernel.strategy('balancer', 'some', { description, options, create: () => ({ pick }) }),
  })
  const A_SESSION = 'chooses one of the sessions it is given, whatever they are like'
  const REGISTERED = ['is registered by its plugin, and made from its options', 'describes itself in one line', 'refuses options it does not know']

  it('makes the strategy as a pool does: from a plugin, by its name, with its options checked', async () => {
    const cases = balancerContract({ plugin: plugin(z.strictObject({})), use: 'some' })
    expect(cases.slice(0, 3).map(({ title }) => title)).toEqual(REGISTERED)
    expect(await failuresOf(cases, REGISTERED)).toEqual(new Map())
  })

  it('tells of options that are not checked, and of a description that is none', async () => {
    const failures = await failuresOf(balancerContract({ plugin: [plugin(z.looseObject({}), ' ')], use: 'some' }), REGISTERED)
    expect([...failures.keys()]).toEqual(REGISTERED.slice(1))
    expect(failures.get(REGISTERED[2]!)).toMatch(/z.strictObject/)
  })

  it('tells of options that are wrong, and of names that are not known', async () => {
    const [first] = REGISTERED
    const wrong = await failuresOf(balancerContract({ plugin: plugin(z.strictObject({ bias: z.number() })), use: 'some', options: { bias: 'much' } }), [first!])
    expect(wrong.get(first!)).toMatch(/balancer.bias: .*expected number/)
    const unknown = await failuresOf(balancerContract({ plugin: plugin(z.strictObject({})), use: 'other' }), [first!])
    expect(unknown.get(first!)).toMatch(/No plugin registers the balancer "other". Known: .*some/)
  })

  it('says what the strategy reported meanwhile', async () => {
    const cases = balancerContract({
      create: ({ report }) => {
        report(new Error('no connection'), 'asking for advice')
        return { pick: () => undefined as never }
      },
    })
    expect((await failuresOf(cases)).get(A_SESSION)).toMatch(/Reported meanwhile: \[ 'asking for advice: no connection' \]/)
  })

  it('tells of what is no strategy of its kind', async () => {
    const failures = await failuresOf(balancerContract({ create: () => ({ choose: pick }) as never }))
    expect(failures.get(A_SESSION)).toMatch(/it has no pick\(\)/)
  })
})
