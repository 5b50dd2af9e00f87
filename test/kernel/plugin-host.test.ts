import { beforeEach, describe, expect, it } from 'vitest'
import { CLOCK, GreenroomError, token, type Kernel, type Plugin } from '../../src/contracts/index.ts'
import { createKernel, strategyPlugin, type KernelHarness } from '../support/kernel-harness.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

let kernel: KernelHarness
let applied: string[]
beforeEach(() => {
  kernel = createKernel()
  applied = []
})

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const plugin = (name: string, requires?: string[], apply: Plugin['apply'] = () => undefined): Plugin => ({
  name,
  ...(requires && { requires }),
  apply: async (given) => {
    applied.push(name)
    await apply(given)
  },
})

describe('order', () => {
  it('is the one given, save that what a plugin requires comes first', async () => {
    await kernel.host.apply([plugin('a', ['c']), plugin('b'), plugin('c', ['d']), plugin('d'), plugin('e', ['a', 'b'])])
    expect(applied).toEqual(['d', 'c', 'a', 'b', 'e'])
  })

  it('is one after the other, also for async plugins', async () => {
    let inside = 0
    const slow = async (): Promise<void> => {
      expect(++inside).toBe(1)
      await turn()
      inside--
    }
    await kernel.host.apply([plugin('a', [], slow), plugin('b', [], slow)])
    expect(applied).toEqual(['a', 'b'])
  })

  it('counts plugins applied before', async () => {
    await kernel.host.apply([plugin('a')])
    await kernel.host.apply([plugin('b', ['a'])])
    expect(applied).toEqual(['a', 'b'])
    expect((await greenroomErrorOf(() => kernel.host.apply([plugin('a')]))).message).toContain('"a" is used twice')
  })

  it.each([
    ['a missing requirement', [plugin('a', ['zz']), plugin('b')], 'The plugin "a" requires "zz", which is not there: add it to "plugins". There are: a, b'],
    ['a circle', [plugin('x', ['a']), plugin('a', ['b']), plugin('b', ['c']), plugin('c', ['a'])], 'These plugins require each other: a → b → c → a'],
    ['one that requires itself', [plugin('a', ['a'])], 'a → a'],
    ['the same name twice', [plugin('a'), plugin('a')], 'The plugin "a" is used twice'],
    ['a function', [() => plugin('a')], 'plugins[0] is not a plugin: it is a function; was it meant to be called?'],
    ['null', [plugin('a'), null], 'plugins[1] is not a plugin: it is null'],
    ['a text', ['a'], 'plugins[0] is not a plugin: it is of type string'],
    ['one with no name', [{ apply() {} }], 'its name must be'],
    ['one with no apply', [{ name: 'a' }], 'plugins[0] ("a") is not a plugin: it has no function "apply"'],
    ['requires that are no list of names', [{ name: 'a', requires: 'b', apply() {} }], '"requires" must be a list'],
  ])('refuses %s, and applies nothing', async (_what, plugins: readonly unknown[], message) => {
    const error = await greenroomErrorOf(() => kernel.host.apply(plugins))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toContain(message)
    expect(applied).toEqual([])
  })
})

describe('apply', () => {
  it('can tap, register, provide and get', async () => {
    const TEXT = token<string>('Text')
    let got: string | undefined
    await kernel.host.apply([
      plugin('giver', [], (given) => given.provide(TEXT, [CLOCK], (clock) => `at ${clock.now()}`)),
      plugin('taker', ['giver'], (given) => {
        got = given.get(TEXT)
        expect(given.container.resolve(TEXT)).toBe(got)
        given.hooks.closed.tap('taker', () => applied.push('closed'))
      }),
      strategyPlugin('balancer', 'mine'),
    ])
    kernel.hooks.closed.call()
    expect(got).toBe('at 1000')
    expect(applied).toContain('closed')
    expect(kernel.registry.names('balancer')).toEqual(['mine'])
  })

  it('fails with its cause, and the rest is not applied', async () => {
    const cause = new Error('no disk')
    const error = await greenroomErrorOf(() => kernel.host.apply([plugin('a', [], () => { throw cause }), plugin('b')]))
    expect(error).toMatchObject({ code: 'PLUGIN_FAILED', cause, message: 'The plugin "a" could not be applied: no disk' })
    expect(applied).toEqual(['a'])
    const coded = new GreenroomError('PEER_MISSING', 'npm i x')
    expect(await greenroomErrorOf(() => kernel.host.apply([plugin('c', [], () => Promise.reject(coded))]))).toBe(coded)
  })

  it('has ten seconds; what it does later is refused', async () => {
    let later: Kernel | undefined
    const failure = greenroomErrorOf(() => kernel.host.apply([plugin('slow', [], (given) => ((later = given), new Promise<void>(() => undefined)))]))
    kernel.clock.advance(10_000)
    expect(await failure).toMatchObject({ code: 'PLUGIN_FAILED', message: expect.stringContaining('longer than 10 s') as string })
    expect((await greenroomErrorOf(() => later?.provide(token('x'), [], () => 1))).code).toBe('PLUGIN_INVALID')
  })

  it('is the only time to register strategies and values; onClose can be called until the pool closes', async () => {
    let kept: Kernel | undefined
    await kernel.host.apply([plugin('keeper', [], (given) => void (kept = given))])
    kernel.host.seal()
    const calls: ((given: Kernel) => void)[] = [
      (given) => strategyPlugin('balancer', 'x').apply(given) as void,
      (given) => given.provide(token('x'), [], () => 1),
      (given) => given.hooks.state.tap('x', () => undefined),
    ]
    for (const call of calls) expect(await greenroomErrorOf(() => call(kept!))).toMatchObject({ code: 'PLUGIN_INVALID', message: expect.stringMatching(/apply/) as string })
    kept?.onClose(() => void applied.push('closed'))
    await kernel.host.close()
    expect(applied).toEqual(['keeper', 'closed'])
    expect((await greenroomErrorOf(() => kept?.onClose(() => undefined))).code).toBe('PLUGIN_INVALID')
  })
})

describe('close', () => {
  it('calls what was registered in reverse, each awaited, once', async () => {
    const closer = (name: string) => (given: Kernel): void => {
      given.onClose(async () => {
        await turn()
        applied.push(`close ${name}`)
      })
    }
    await kernel.host.apply([plugin('a', [], closer('a')), plugin('b', [], closer('b'))])
    await Promise.all([kernel.host.close(), kernel.host.close()])
    await kernel.host.close()
    expect(applied).toEqual(['a', 'b', 'close b', 'close a'])
  })

  it('is bounded, and reports what fails or hangs', async () => {
    await kernel.host.apply([
      plugin('ok', [], (given) => given.onClose(() => void applied.push('close ok'))),
      plugin('hangs', [], (given) => given.onClose(() => new Promise<void>(() => undefined))),
      plugin('throws', [], (given) => given.onClose(() => { throw new Error('broken') })),
    ])
    const closed = kernel.host.close()
    await turn()
    kernel.clock.advance(10_000)
    await closed
    expect(applied).toContain('close ok')
    expect(kernel.problems).toEqual([
      'onClose of the plugin "throws": Error: broken',
      'onClose of the plugin "hangs": GreenroomError: onClose of the plugin "hangs" did not settle within 10 s',
    ])
  })
})

describe('bundled strategies', () => {
  it('are loaded when they are asked for, once, also after the host was sealed', async () => {
    let loads = 0
    const bundled: Plugin = {
      name: 'both',
      apply(given) {
        applied.push('both')
        void strategyPlugin('balancer', 'one').apply(given)
        void strategyPlugin('balancer', 'two').apply(given)
      },
    }
    for (const name of ['one', 'two']) kernel.registry.lazy('balancer', name, () => (loads++, Promise.resolve({ default: bundled })))
    kernel.host.seal()
    expect(loads).toBe(0)
    await Promise.all([kernel.host.load('balancer', 'one'), kernel.host.load('balancer', 'one'), kernel.host.load('balancer', 'two')])
    await kernel.host.load('balancer', 'one')
    expect(applied).toEqual(['both'])
    expect(loads).toBe(2)
    expect(kernel.registry.definition('balancer', 'two')).toBeDefined()
    await kernel.host.load('balancer', 'three')
  })

  it('keep their names, whoever comes first', async () => {
    kernel.registry.lazy('balancer', 'one', () => Promise.resolve({ default: strategyPlugin('balancer', 'one') }))
    expect((await greenroomErrorOf(() => kernel.host.apply([strategyPlugin('balancer', 'one')]))).message).toContain('comes with greenroom')
    await kernel.host.load('balancer', 'one')
  })

  it('that cannot be loaded say why', async () => {
    const cause = new Error('no such module')
    kernel.registry.lazy('balancer', 'gone', () => Promise.reject(cause))
    expect(await greenroomErrorOf(() => kernel.host.load('balancer', 'gone'))).toMatchObject({ code: 'PLUGIN_FAILED', cause })
    kernel.registry.lazy('balancer', 'other', () => Promise.resolve({ default: strategyPlugin('balancer', 'else') }))
    const error = await greenroomErrorOf(() => kernel.host.load('balancer', 'other'))
    expect([error.code, error.message]).toEqual(['PLUGIN_INVALID', expect.stringContaining('"other" is not registered by its plugin')])
  })
})
