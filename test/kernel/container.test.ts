import 'reflect-metadata'
import { container as globalContainer, inject, injectable, type DependencyContainer } from 'tsyringe'
import { beforeEach, describe, expect, it } from 'vitest'
import { token, type Token } from '../../src/contracts/index.ts'
import { createContainer, provide, resolve } from '../../src/kernel/container.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const NUMBER = token<number>('Number')
const TEXT = token<string>('Text')
const BOX: Token<{ text: string }> = token<{ text: string }>('Box')
const RING: Token<unknown> = token('Ring')

let container: DependencyContainer
beforeEach(() => {
  container = createContainer()
})

describe('provide', () => {
  it('makes a value from its dependencies when it is first needed, and once', () => {
    let made = 0
    provide(container, BOX, [TEXT, NUMBER], (text, number) => ((made += 1), { text: `${text}${number.toFixed(1)}` }))
    provide(container, TEXT, [], () => 'n')
    provide(container, NUMBER, [], () => 1)
    expect(made).toBe(0)
    expect(resolve(container, BOX)).toEqual({ text: 'n1.0' })
    expect(resolve(container, BOX)).toBe(container.resolve(BOX))
    expect(made).toBe(1)
  })

  it('makes undefined once, too', () => {
    let made = 0
    provide(container, RING, [], () => void made++)
    expect([resolve(container, RING), resolve(container, RING), made]).toEqual([undefined, undefined, 1])
  })

  it('keeps a value in the container that owns it: a child sees the same, another pool its own (INV 2)', () => {
    const other = createContainer()
    for (const [pool, name] of [[container, 'a'], [other, 'b']] as const) {
      provide(pool, TEXT, [], () => name)
      provide(pool, BOX, [TEXT], (text) => ({ text }))
    }
    const child = container.createChildContainer()
    child.register(TEXT, { useValue: "the child's" })
    expect(child.resolve<{ text: string }>(BOX)).toBe(resolve(container, BOX))
    expect(resolve(container, BOX).text).toBe('a')
    expect(resolve(child, TEXT)).toBe("the child's")
    expect(resolve(other, BOX).text).toBe('b')
  })

  it('tries again after a factory that threw, and says whose it was', async () => {
    let calls = 0
    provide(container, NUMBER, [], () => {
      calls++
      if (calls === 1) throw new Error('not yet')
      return calls
    })
    const error = await greenroomErrorOf(() => resolve(container, NUMBER))
    expect(error.code).toBe('PLUGIN_FAILED')
    expect(error.message).toMatch(/"Number" threw: not yet/)
    expect(error.cause).toEqual(new Error('not yet'))
    expect(resolve(container, NUMBER)).toBe(2)
  })

  it('refuses a token that is taken', async () => {
    provide(container, NUMBER, [], () => 1)
    const error = await greenroomErrorOf(() => provide(container, NUMBER, [], () => 2))
    expect(error).toMatchObject({ code: 'PLUGIN_INVALID', message: expect.stringContaining('"Number" is provided already') as string })
  })
})

describe('resolve', () => {
  it('names the way to an unknown token, and what there is', async () => {
    provide(container, BOX, [TEXT], (text) => ({ text }))
    const error = await greenroomErrorOf(() => resolve(container, BOX))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toContain('Nothing is provided under "Text", needed by Box. Provided: Box')
    expect((await greenroomErrorOf(() => resolve(createContainer(), Symbol() as Token<unknown>))).message).toContain('Provided: nothing')
  })

  it('names the path of a circle', async () => {
    provide(container, RING, [BOX], (box) => box)
    provide(container, BOX, [TEXT], (text) => ({ text }))
    provide(container, TEXT, [NUMBER], String)
    provide(container, NUMBER, [BOX], () => 1)
    const error = await greenroomErrorOf(() => resolve(container, RING))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toContain('Box → Text → Number → Box')
  })

  it('finds nothing in the global container, which all pools would share', async () => {
    globalContainer.register(NUMBER, { useValue: 7 })
    try {
      expect((await greenroomErrorOf(() => resolve(container, NUMBER))).code).toBe('PLUGIN_INVALID')
    } finally {
      globalContainer.reset()
    }
  })
})

describe('injectable classes', () => {
  class Greeter {
    readonly text: string
    constructor(text: string) {
      this.text = text
    }
  }
  // What `@injectable()` and `@inject(TEXT)` do; config-loader.test.ts has them as decorators.
  inject(TEXT)(Greeter, undefined, 0)
  injectable<Greeter>()(Greeter)

  it('get what was provided by token', () => {
    provide(container, TEXT, [], () => 'hello')
    expect(container.resolve(Greeter).text).toBe('hello')
    provide(container, BOX, [], () => container.resolve(Greeter))
    expect(resolve(container, BOX).text).toBe('hello')
  })

  it('are named when something they need is not there', async () => {
    container.register(BOX, { useClass: Greeter })
    const error = await greenroomErrorOf(() => resolve(container, BOX))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toMatch(/"Box" could not be made.*Greeter[^]*Text/)
  })

  it('are part of a circle that is found', async () => {
    container.register(BOX, { useClass: Greeter })
    provide(container, TEXT, [BOX], (box) => box.text)
    const error = await greenroomErrorOf(() => resolve(container, TEXT))
    expect(error.code).toBe('PLUGIN_INVALID')
    expect(error.message).toContain('Text → Text')
  })
})
