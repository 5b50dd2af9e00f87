import { describe, expect, it } from 'vitest'
import { type HealthOptions, type HealthVerdict, type Kernel, type StrategyChoice, z } from '../../../src/contracts/index.ts'
import { registerBundled } from '../../../src/bundled.ts'
import { configError, type ConfigProblem } from '../../../src/kernel/config-problems.ts'
import { resolveNested } from '../../../src/kernel/resolve-config.ts'
import { createInMemoryWorld } from 'greenroom/testing'
import { createKernel } from '../../support/kernel-harness.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { sessionView } from '../../support/strategies.ts'
import { scene, states } from '../../pool/scene.ts'

/** What a check comes to, by its name. */
const OUTCOMES: Readonly<Record<string, (signal: AbortSignal) => Promise<HealthVerdict>>> = {
  good: () => Promise.resolve({ healthy: true, reason: 'good' }),
  fine: () => Promise.resolve({ healthy: true, reason: 'fine' }),
  bad: () => Promise.resolve({ healthy: false, reason: 'bad' }),
  worse: () => Promise.resolve({ healthy: false, reason: 'worse' }),
  unknown: () => Promise.resolve({ healthy: undefined, reason: 'unknown' }),
  failing: () => Promise.reject(new Error('failing')),
  hung: (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
}

function register(kernel: Pick<Kernel, 'strategy'>, asked: string[]): void {
  for (const [name, check] of Object.entries(OUTCOMES)) {
    kernel.strategy('health', name, {
      description: 'test', options: z.strictObject({}),
      create: () => ({
        check: (_subject, signal) => {
          asked.push(name)
          return check(signal)
        },
      }),
    })
  }
}

interface Looked {
  readonly verdict: HealthVerdict
  readonly asked: string[]
}

async function verdictOf(use: 'all' | 'any', of: readonly unknown[], signal = new AbortController().signal, ms = 0, afterwards?: () => void): Promise<Looked> {
  const { registry, host, context, clock } = createKernel()
  registerBundled(registry)
  const asked: string[] = []
  await host.apply([{ name: 'outcomes', apply: (kernel: Kernel) => register(kernel, asked) }])
  await host.load('health', use)
  const options = await registry.definition('health', use)!.options.parseAsync({ of })
  const problems: ConfigProblem[] = []
  await resolveNested(options, host, ['health'], problems)
  if (problems.length > 0) throw configError(problems)
  const check = await registry.create({ kind: 'health', name: use, options }, context)
  const looking = check.check({ session: sessionView(), timeoutMs: 900, ping: () => Promise.resolve(true) }, signal)
  for (let passed = 0; passed < ms; passed += 100) {
    await new Promise(setImmediate)
    clock.advance(100)
  }
  afterwards?.()
  return { verdict: await looking, asked }
}

describe('the health checks all and any', () => {
  it.each<['all' | 'any', string[], boolean | undefined, string, number]>([
    ['all', ['good', 'fine'], true, 'good; fine', 2],
    ['all', ['good', 'bad', 'worse'], false, 'bad', 2],
    ['all', ['failing', 'good'], false, 'failing', 1],
    ['all', ['unknown', 'good'], true, 'good', 2],
    ['all', ['unknown', 'unknown'], undefined, 'unknown; unknown', 2],
    ['any', ['bad', 'good', 'worse'], true, 'good', 2],
    ['any', ['bad', 'failing'], false, 'bad; failing', 2],
    ['any', ['unknown', 'bad'], false, 'bad', 2],
    ['any', ['unknown', 'unknown'], undefined, 'unknown; unknown', 2],
  ])('%s of %j is %s, for "%s", by asking %i', async (use, of, healthy, reason, count) => {
    const { verdict, asked } = await verdictOf(use, of)
    expect(verdict).toEqual({ healthy, reason })
    expect(asked).toEqual(of.slice(0, count))
  })

  it('any is healthy also when one that comes first gives no answer, after that one\'s share of the time', async () => {
    const { verdict, asked } = await verdictOf('any', ['hung', 'bad', 'good'], undefined, 300)
    expect([verdict, asked]).toEqual([{ healthy: true, reason: 'good' }, ['hung', 'bad', 'good']])
    expect((await verdictOf('any', [{ use: 'any', of: ['hung', 'hung'] }, 'good'], undefined, 500)).verdict.healthy).toBe(true)
  })

  it('any of which none finds it healthy ends with the look', async () => {
    const controller = new AbortController()
    const { verdict } = await verdictOf('any', ['bad', 'hung', 'hung'], controller.signal, 600, () => controller.abort(new Error('over')))
    expect(verdict).toEqual({ healthy: false, reason: 'bad; over; over' })
  })

  it('nest in each other', async () => {
    expect((await verdictOf('all', ['good', { use: 'any', of: ['bad', { use: 'all', of: ['good', 'fine'] }] }])).verdict.healthy).toBe(true)
  })

  it('ask nobody any more when the look is over', async () => {
    await expect(verdictOf('any', ['bad', 'good'], AbortSignal.abort(new Error('over')))).rejects.toThrow('over')
  })

  it.each<[string, StrategyChoice<HealthOptions>[], string[]]>([
    ['all', ['ping', 'good' as 'ping'], ['unhealthy']],
    ['any', ['ping', 'good' as 'ping'], []],
  ])('%s looks at the sessions of a pool, by a config', async (use, of, ended) => {
    const { pool, clock } = await scene(
      { size: { min: 1, max: 1 }, restart: { initial: '1h' }, health: { use: use as 'all', of, every: '1s' } },
      { apply: (kernel) => register(kernel, []), behaviour: { ping: { ms: 0, fails: true } } },
    )
    await clock.advance(2_000)
    expect(pool.decisions().filter(({ kind }) => kind === 'end').map(({ reason }) => reason.split(':')[0]).slice(0, 1)).toEqual(ended)
    if (use === 'any') expect(states(pool)).toEqual(['idle'])
  })

  it.each<[string, unknown, string]>([
    ['no checks', { use: 'all', of: [] }, 'health.of: Too small'],
    ['an unknown one', { use: 'any', of: ['pong'] }, 'health.of[0]: unknown health "pong", did you mean "ping"?'],
    ['an unknown option, deeper', { use: 'all', of: ['ping', { use: 'any', of: [{ use: 'process', stopped: 1 }] }] }, 'health.of[1].of[0].stopped: unknown option'],
  ])('are refused with %s', async (_what, health, message) => {
    const error = await greenroomErrorOf(() => createInMemoryWorld().createPool({ health: health as 'ping' }))
    expect(error.message).toContain(message)
  })
})
