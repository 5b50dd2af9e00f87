import { describe, expect, it, vi } from 'vitest'
import type { AcquireRequest, PoolHooks, SessionView } from '../../src/contracts/index.ts'
import { createHooks, sealHooks } from '../../src/kernel/hooks.ts'
import { warnOnce } from '../../src/kernel/warn-once.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const session = { id: 's1' } as SessionView
const request: AcquireRequest = { tenant: 'acme', key: undefined, priority: 0 }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function withProblems() {
  const problems: string[] = []
  const warnings: string[] = []
  const hooks = createHooks((problem, where) => warnings.push(`${where}: ${String(problem)}`))
  hooks.problem.tap('test', (problem, where) => void problems.push(`${where}: ${String(problem)}`))
  return { hooks, problems, warnings }
}

describe('observers', () => {
  it('are called in the order they were tapped, with what happened', () => {
    const { hooks } = withProblems()
    const seen: unknown[] = []
    hooks.state.tap('first', (...values) => void seen.push(['first', ...values]))
    hooks.state.tap({ name: 'zeroth', stage: -1 }, (...values) => void seen.push(['zeroth', ...values]))
    hooks.state.call(session, 'idle', 'ending', 'idle')
    expect(seen).toEqual([['zeroth', session, 'idle', 'ending', 'idle'], ['first', session, 'idle', 'ending', 'idle']])
  })

  it('harm nobody when they throw: the others hear, and problem is told who it was', () => {
    const { hooks, problems } = withProblems()
    const heard: string[] = []
    hooks.released.tap('bad', () => { throw new Error('boom') })
    hooks.released.tap('good', (view) => void heard.push(view.id))
    hooks.released.call(session, { heldMs: 5 })
    expect(heard).toEqual(['s1'])
    expect(problems).toEqual(['hook released, tap bad: Error: boom'])
  })

  it('harm nobody when they are async and reject later', async () => {
    const { hooks, problems } = withProblems()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const later: () => unknown = async () => {
      await turn()
      throw new Error('late')
    }
    hooks.closed.tap('later', later)
    hooks.closed.call()
    await turn()
    await turn()
    process.off('unhandledRejection', unhandled)
    expect(problems).toEqual(['hook closed, tap later: Error: late'])
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('deciders', () => {
  it('throw through, so that what was asked for is refused', () => {
    const { hooks, problems } = withProblems()
    hooks.admit.tap('gate', () => { throw new Error('no') })
    expect(() => hooks.admit.call(request)).toThrow('no')
    hooks.spawn.tap('gate', () => { throw new Error('no spec') })
    expect(() => hooks.spawn.call({ command: 'x' }, { sessionId: 's1' })).toThrow('no spec')
    expect(problems).toEqual([])
  })

  it('stop at the first reason, and hand a spec on from one to the next', () => {
    const { hooks } = withProblems()
    hooks.admit.tap('a', () => undefined)
    hooks.admit.tap('b', ({ tenant }) => `not you, ${tenant}`)
    hooks.admit.tap('c', () => 'too late')
    expect(hooks.admit.call(request)).toBe('not you, acme')
    hooks.spawn.tap('a', (spec) => ({ ...spec, args: ['1'] }))
    hooks.spawn.tap('b', (spec, { sessionId }) => ({ ...spec, args: [...(spec.args ?? []), sessionId] }))
    expect(hooks.spawn.call({ command: 'x' }, { sessionId: 's1' })).toEqual({ command: 'x', args: ['1', 's1'] })
  })

  it('fail closed when they are async, and their rejection is nobody else\'s problem', async () => {
    const { hooks } = withProblems()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    hooks.admit.tap('async', (() => Promise.reject(new Error('x'))) as unknown as () => undefined)
    const error = await greenroomErrorOf(() => hooks.admit.call(request))
    expect(error).toMatchObject({ code: 'STRATEGY_FAILED', message: expect.stringContaining('"async"') as string })
    await turn()
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('isUsed', () => {
  it('is a true guard for every hook: false until it is tapped', () => {
    const hooks = createHooks(() => undefined)
    for (const [name, hook] of Object.entries(hooks) as [string, PoolHooks['closed']][]) {
      expect([name, hook.isUsed()]).toEqual([name, name === 'problem'])
      hook.tap('test', () => undefined)
      expect([name, hook.isUsed()]).toEqual([name, true])
    }
  })
})

describe('problem', () => {
  it('warns when nobody taps it, and no more once somebody does', () => {
    const warnings: string[] = []
    const hooks = createHooks((problem, where) => warnings.push(`${where}: ${String(problem)}`))
    hooks.problem.call('lost', 'somewhere')
    hooks.acquired.tap('bad', () => { throw new Error('boom') })
    hooks.acquired.call(session, request, { served: 'spare', waitMs: 0 })
    expect(warnings).toEqual(['somewhere: lost', 'hook acquired, tap bad: Error: boom'])
    const heard: string[] = []
    hooks.problem.tap('log', (_problem, where) => void heard.push(where))
    hooks.problem.call('again', 'elsewhere')
    expect(heard).toEqual(['elsewhere'])
    expect(warnings).toHaveLength(2)
  })

  it('does not go on for ever when its own tap throws', () => {
    const { hooks, problems, warnings } = withProblems()
    hooks.problem.tap('bad', () => { throw new Error('mine') })
    hooks.problem.call(new Error('first'), 'here')
    expect(problems).toEqual(['here: Error: first'])
    expect(warnings).toEqual(['hook problem, tap bad: Error: mine'])
  })

  it('does not go on for ever when its own tap causes another problem', () => {
    const warnings: string[] = []
    const hooks = createHooks((problem, where) => warnings.push(`${where}: ${String(problem)}`))
    let calls = 0
    hooks.problem.tap('echo', (problem) => {
      calls++
      hooks.problem.call(problem, 'echo')
    })
    hooks.problem.call('first', 'here')
    hooks.problem.call('second', 'here')
    expect(calls).toBe(2)
    expect(warnings).toEqual(['echo: first', 'echo: second'])
  })
})

describe('sealHooks', () => {
  it('refuses taps from then on, in every way they can be made; calls go on', async () => {
    const { hooks, problems } = withProblems()
    const heard = vi.fn()
    hooks.closed.tap('early', heard)
    const options = hooks.closed.withOptions({ stage: 1 })
    sealHooks(hooks)
    for (const tap of [() => hooks.closed.tap('late', heard), () => hooks.admit.tap('late', () => undefined), () => options.tap('late', heard)]) {
      expect(await greenroomErrorOf(tap)).toMatchObject({ code: 'PLUGIN_INVALID', message: expect.stringContaining('only in a plugin') as string })
    }
    hooks.closed.call()
    hooks.problem.call('p', 'w')
    expect(heard).toHaveBeenCalledTimes(1)
    expect(problems).toEqual(['w: p'])
  })

  it('interceptors are refused always: nothing would isolate them', async () => {
    const { hooks } = withProblems()
    expect((await greenroomErrorOf(() => hooks.closed.intercept({ call: () => undefined }))).code).toBe('PLUGIN_INVALID')
  })
})

describe('warnOnce', () => {
  it('emits one warning for each distinct text, and forgets only when there are very many', async () => {
    const heard: string[] = []
    const listen = (warning: Error): void => void (warning.name === 'GreenroomWarning' && heard.push(warning.message))
    process.on('warning', listen)
    const before = process.listeners('warning').filter((listener) => listener !== listen)
    for (const listener of before) process.off('warning', listener)
    try {
      warnOnce(new Error('a'), 'x')
      warnOnce(new Error('a'), 'x')
      warnOnce('a', 'y')
      await turn()
      expect(heard).toEqual(['x: a', 'y: a'])
      for (let index = 0; index < 1_000; index++) warnOnce(index, 'z')
      warnOnce('a', 'y')
      await turn()
      expect(heard.filter((text) => text === 'y: a')).toHaveLength(2)
    } finally {
      process.off('warning', listen)
      for (const listener of before) process.on('warning', listener)
    }
  })
})
