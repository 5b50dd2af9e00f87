import { beforeEach, describe, expect, it } from 'vitest'
import { duration, GUARANTEES, optionalDuration, size, z, type Plugin, type StrategyKind } from '../../src/contracts/index.ts'
import { configSchema } from '../../src/kernel/config-schema.ts'
import { resolveConfig, resolveGateway } from '../../src/kernel/resolve-config.ts'
import { createKernel, strategyPlugin, type KernelHarness } from '../support/kernel-harness.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

let kernel: KernelHarness
let loaded: string[]

/** Kinds and names as greenroom bundles them; some with options. */
const BUNDLED: readonly [StrategyKind, string, z.ZodType?][] = [
  ['driver', 'lines', z.strictObject({ command: z.string(), args: z.array(z.string()).default([]) })],
  ['driver', 'repl'],
  ['balancer', 'least-loaded', z.strictObject({ bias: z.number().min(0).max(1).default(0.5) })],
  ['balancer', 'round-robin'],
  ['scaler', 'demand'],
  ['health', 'ping', z.strictObject({ deep: z.boolean().default(false) })],
  ['metrics', 'pidusage'],
  ['queue', 'fifo'],
  ['queue', 'fair', z.strictObject({ weight: z.record(z.string(), z.number()).optional() })],
  ['evictor', 'lru'],
  ['restart', 'backoff', z.strictObject({ maxCrashes: z.int().min(1).default(5), within: duration().default(30_000) })],
  ['store', 'memory'],
  ['limit', 'memory', z.strictObject({ soft: size().optional(), hard: size() })],
  ['limit', 'cpu', z.strictObject({ percent: z.number(), for: optionalDuration({ min: 100 }).default(10_000) })],
  ['gateway', 'http', z.strictObject({ port: z.int().min(0).max(65_535).default(4646), host: z.string().default('127.0.0.1') })],
]

beforeEach(() => {
  kernel = createKernel()
  loaded = []
  for (const [kind, name, options] of BUNDLED) {
    kernel.registry.lazy(kind, name, () => {
      loaded.push(`${kind} ${name}`)
      return Promise.resolve({ default: strategyPlugin(kind, name, options) })
    })
  }
})

const resolve = (config: unknown) => resolveConfig(config, kernel.host)

/** The lines of the one error that a config gives. */
async function problemsOf(config: unknown): Promise<string[]> {
  const error = await greenroomErrorOf(() => resolve(config))
  expect(error.code).toBe('CONFIG_INVALID')
  const [head, ...lines] = error.message.split('\n')
  expect(head).toBe(lines.length === 1 ? 'The configuration has a problem:' : `The configuration has ${lines.length} problems:`)
  expect(error.details).toHaveLength(lines.length)
  return lines.map((line) => line.replace(/^ {2}- /, ''))
}

describe('defaults', () => {
  it('fill in everything but the driver', async () => {
    const { settings, strategies, plugins, gateway } = await resolve({ driver: 'repl' })
    expect(settings).toEqual({
      size: { min: 0, max: 10, spare: 1, spareShare: 0, perTenant: 10, starting: expect.any(Number) as number, memory: Infinity },
      isolation: 'tenant',
      bindAtSpawn: false,
      resetRequires: GUARANTEES,
      maxUses: Infinity,
      timeouts: {
        start: 30_000, acquire: 30_000, idle: 900_000, active: 600_000,
        silence: 120_000, answer: 300_000, total: 14_400_000, settle: 5_000, close: 5_000,
      },
      queueMax: 10_000,
      keeper: process.platform !== 'win32',
      health: { everyMs: 30_000, timeoutMs: 5_000, failures: 1, successes: 1 },
      metrics: { everyMs: 1_000, pssEveryMs: 30_000 },
    })
    expect(settings.size.starting).toBeGreaterThanOrEqual(4)
    expect(strategies).toEqual({
      driver: { kind: 'driver', name: 'repl', options: {} },
      balancer: { kind: 'balancer', name: 'least-loaded', options: { bias: 0.5 } },
      scaler: { kind: 'scaler', name: 'demand', options: {} },
      queue: { kind: 'queue', name: 'fair', options: {} },
      evictor: { kind: 'evictor', name: 'lru', options: {} },
      restart: { kind: 'restart', name: 'backoff', options: { maxCrashes: 5, within: 30_000 } },
      store: { kind: 'store', name: 'memory', options: {} },
      health: { kind: 'health', name: 'ping', options: { deep: false } },
      metrics: { kind: 'metrics', name: 'pidusage', options: {} },
      limits: [],
    })
    expect([plugins, gateway]).toEqual([[], undefined])
  })

  it('load what is used and nothing else; a gateway only on request', async () => {
    await resolve({ driver: 'repl', health: false, metrics: false, gateway: { port: 1 } })
    expect(loaded).not.toContain('driver lines')
    expect(loaded.filter((name) => /^(health|metrics|limit|gateway) /.test(name))).toEqual([])
  })

  it('are told by every field of the schema', () => {
    const undescribed = (schema: z.ZodType, path: string): string[] => {
      const { shape, innerType } = schema.def as { shape?: Record<string, z.ZodType>; innerType?: z.ZodType }
      if (innerType) return undescribed(innerType, path)
      return Object.entries(shape ?? {}).flatMap(([name, field]) => [
        ...(/Default|Required|Durations|How many/.test(field.description ?? '') ? [] : [`${path}${name}`]),
        ...undescribed(field, `${path}${name}.`),
      ])
    }
    expect(undescribed(configSchema, '')).toEqual([])
  })
})

describe('a full configuration', () => {
  it('comes out in milliseconds and counts, the loops apart from the strategies', async () => {
    const mine = strategyPlugin('evictor', 'mine', z.strictObject({ depth: z.int() }))
    const { settings, strategies, plugins, gateway } = await resolve({
      driver: { use: 'lines', command: 'node', args: ['w.js'] },
      size: { min: 2, max: 50, spare: 3, perTenant: 5, starting: 7, memory: '8GB' },
      isolation: 'tenant',
      bindAtSpawn: true,
      resetRequires: ['conversation'],
      maxUses: 100,
      timeouts: { start: '1s', acquire: 0, idle: false, active: '2m', silence: 500, answer: '7s', total: false, settle: '3s', close: 0 },
      balancer: { use: 'least-loaded', bias: 1 },
      scaler: { use: 'demand' },
      health: { use: 'ping', every: '10s', timeout: 50, failures: 3, successes: 2, deep: true },
      metrics: { every: '5s', pssEvery: false },
      limits: { memory: { hard: '600MB' }, cpu: { percent: 150, for: false } },
      queue: { use: 'fair', max: 7 },
      evictor: { use: 'mine', depth: 4 },
      restart: { maxCrashes: 2 },
      store: 'memory',
      gateway: { port: 5000 },
      keeper: false,
      plugins: [mine],
    })
    expect(settings).toEqual({
      size: { min: 2, max: 50, spare: 3, spareShare: 0, perTenant: 5, starting: 7, memory: 8 * 2 ** 30 },
      isolation: 'tenant',
      bindAtSpawn: true,
      resetRequires: ['conversation'],
      maxUses: 100,
      timeouts: { start: 1_000, acquire: 0, idle: Infinity, active: 120_000, silence: 500, answer: 7_000, total: Infinity, settle: 3_000, close: 0 },
      queueMax: 7,
      keeper: false,
      health: { everyMs: 10_000, timeoutMs: 50, failures: 3, successes: 2 },
      metrics: { everyMs: 5_000, pssEveryMs: Infinity },
    })
    expect(strategies.driver.options).toEqual({ command: 'node', args: ['w.js'] })
    expect(strategies.balancer.options).toEqual({ bias: 1 })
    expect(strategies.health).toEqual({ kind: 'health', name: 'ping', options: { deep: true } })
    expect(strategies.queue).toEqual({ kind: 'queue', name: 'fair', options: {} })
    expect(strategies.limits).toEqual([
      { kind: 'limit', name: 'memory', options: { hard: 600 * 2 ** 20 } },
      { kind: 'limit', name: 'cpu', options: { percent: 150, for: Infinity } },
    ])
    expect(strategies.evictor).toEqual({ kind: 'evictor', name: 'mine', options: { depth: 4 } })
    expect(strategies.restart.options).toEqual({ maxCrashes: 2, within: 30_000 })
    expect(plugins).toEqual([mine])
    expect(gateway).toEqual({ port: 5000 })
  })

  it('takes undefined for "not given", and Infinity for no limit of uses', async () => {
    const config = { driver: 'repl', size: undefined, health: undefined, limits: { memory: undefined }, maxUses: Infinity, plugins: undefined, timeouts: { idle: undefined } }
    const { settings, strategies } = await resolve(config)
    expect([settings.maxUses, settings.timeouts.idle, strategies.health?.name, strategies.limits]).toEqual([Infinity, 900_000, 'ping', []])
  })

  it('switches health and metrics off with false', async () => {
    const { settings, strategies } = await resolve({ driver: 'repl', health: false, metrics: false })
    expect([settings.health, settings.metrics, strategies.health, strategies.metrics]).toEqual([undefined, undefined, undefined, undefined])
  })
})

describe('problems', () => {
  it.each([
    ['no object', null, 'it must be an object'],
    ['a list', [], 'it must be an object'],
    ['no driver', {}, 'driver: missing: expected the name of a strategy'],
    ['a driver of no use', { driver: 5 }, 'driver: expected the name of a strategy, or an object { use: name'],
    ['a driver with no name', { driver: { command: 'x' } }, 'driver.use: missing: expected the name of a driver. Known: lines, repl'],
    ['a name that is none', { driver: { use: 5 } }, 'driver.use: expected the name of a driver'],
    ['a scaler with no name', { driver: 'repl', scaler: {} }, 'scaler.use: missing'],
    ['an unknown driver', { driver: 'line' }, 'driver: unknown driver "line", did you mean "lines"? Known: lines, repl'],
    ['an unknown strategy by use', { driver: 'repl', balancer: { use: 'leastLoaded' } }, 'balancer.use: unknown balancer "leastLoaded", did you mean "least-loaded"? Known: least-loaded, round-robin'],
    ['a name from Object.prototype', { driver: 'constructor' }, 'driver: unknown driver "constructor". Known: lines, repl'],
    ['an unknown limit', { driver: 'repl', limits: { memmory: {} } }, 'limits.memmory: unknown limit "memmory", did you mean "memory"? Known: cpu, memory'],
    ['an unknown field', { driver: 'repl', timeout: {} }, 'timeout: unknown option "timeout", did you mean "timeouts"? Known: driver, size,'],
    ['an unknown size', { driver: 'repl', size: { mx: 3 } }, 'size.mx: unknown option "mx", did you mean "max"? Known: min, max, spare, perTenant, starting'],
    ['an unknown time-out', { driver: 'repl', timeouts: { idel: 3 } }, 'timeouts.idel: unknown option "idel", did you mean "idle"?'],
    ['an unknown option', { driver: { use: 'lines', command: 'x', arg: [] } }, 'driver.arg: unknown option "arg", did you mean "args"? Known: command, args, use'],
    ['an option of a strategy that has none', { driver: { use: 'repl', fast: true } }, 'driver.fast: unknown option "fast". Known: use'],
    ['an unknown option beside a loop', { driver: 'repl', health: { evry: '3s' } }, 'health.evry: unknown option "evry", did you mean "every"? Known: deep, use, every, timeout, failures'],
    ['a missing option', { driver: { use: 'lines' } }, 'driver.command: missing: expected string'],
    ['options of a wrong type', { driver: { use: 'lines', command: 'x', args: ['a', 5] } }, 'driver.args[1]: expected string, received number'],
    ['a value out of range', { driver: 'repl', balancer: { use: 'least-loaded', bias: 2 } }, 'balancer.bias: Too big: expected number to be <=1'],
    ['a bad duration', { driver: 'repl', timeouts: { start: '30 parsecs' } }, 'timeouts.start: "30 parsecs" is not a duration: give a number of milliseconds, or text'],
    ['a bad duration where false is allowed', { driver: 'repl', timeouts: { idle: '15 minutes' } }, 'timeouts.idle: "15 minutes" is not a duration'],
    ['true for a duration', { driver: 'repl', timeouts: { idle: true } }, "timeouts.idle: expected Milliseconds, or text such as '30s'"],
    ['a start of no time', { driver: 'repl', timeouts: { start: 0 } }, 'timeouts.start: must be at least 1 ms'],
    ['a busy loop', { driver: 'repl', metrics: { every: 0 } }, 'metrics.every: must be at least 10 ms'],
    ['no room at all', { driver: 'repl', size: { max: 0 } }, 'size.max: Too small: expected number to be >=1'],
    ['half a session', { driver: 'repl', size: { min: 0.5 } }, 'size.min: expected int, received number'],
    ['min above max', { driver: 'repl', size: { min: 20 } }, 'size.min: 20 is more than size.max, which is 10'],
    ['a share of all', { driver: 'repl', size: { spare: '100%' } }, "size.spare: expected a share such as '20%', above 0% and below 100%"],
    ['a share of nothing', { driver: 'repl', size: { spare: '0.0%' } }, "size.spare: expected a share such as '20%'"],
    ['a share without its sign', { driver: 'repl', size: { spare: '20' } }, "size.spare: expected a share such as '20%'"],
    ['fewer spares than none', { driver: 'repl', size: { spare: -1 } }, 'size.spare: Too small'],
    ['spare above max', { driver: 'repl', size: { max: 2, spare: 3 } }, 'size.spare: 3 is more than size.max, which is 2'],
    ['perTenant without tenants', { driver: 'repl', isolation: 'none', size: { perTenant: 3 } }, "size.perTenant: with isolation 'none' sessions belong to no tenant: leave it out"],
    ['perTenant above max', { driver: 'repl', size: { max: 2, perTenant: 3 } }, 'size.perTenant: 3 is more than size.max, which is 2'],
    ['bound at the spawn without tenants', { driver: 'repl', isolation: 'none', bindAtSpawn: true }, "bindAtSpawn: with isolation 'none' sessions belong to no tenant: leave it out"],
    ['a budget of nothing', { driver: 'repl', size: { memory: 0 } }, 'size.memory: must be at least 1 bytes'],
    ['a budget with nothing measured', { driver: 'repl', metrics: false, size: { memory: '8GB' } }, 'size.memory: it goes by what is measured, and metrics is false'],
    ['an unknown isolation', { driver: 'repl', isolation: 'tennant' }, 'isolation: unknown value "tennant", did you mean "tenant"? Known: tenant, none'],
    ['an unknown guarantee', { driver: 'repl', resetRequires: ['file'] }, 'resetRequires[0]: unknown value "file", did you mean "files"? Known: conversation'],
    ['no uses', { driver: 'repl', maxUses: 0 }, 'maxUses: Too small: expected number to be >=1'],
    ['uses in words', { driver: 'repl', maxUses: 'many' }, 'maxUses: expected number, received string, or'],
    ['true for health', { driver: 'repl', health: true }, 'health: expected the name of a strategy, an object { use: name, …options }, or false'],
    ['false for the balancer', { driver: 'repl', balancer: false }, 'balancer: expected the name of a strategy'],
    ['limits that are a list', { driver: 'repl', limits: ['memory'] }, 'limits: expected an object { name of a limit: its options }'],
    ['a limit in a limit', { driver: 'repl', limits: { memory: { hard: 'much' } } }, 'limits.memory.hard: "much" is not a size'],
    ['limits with nothing measured', { driver: 'repl', metrics: false, limits: { memory: { hard: 1 } } }, 'limits: they judge what is measured, and metrics is false'],
    ['plugins that are no list', { driver: 'repl', plugins: {} }, 'plugins: expected array, received object'],
  ])('%s', async (_what, config, line) => {
    const [first, ...others] = await problemsOf(config)
    expect(first).toContain(line)
    expect(others).toEqual([])
  })

  it('are all in one error, a line each', async () => {
    const lines = await problemsOf({
      size: { min: -1, mx: 2 },
      nonsense: 1,
      driver: { use: 'lines' },
      balancer: 'leest-loaded',
      queue: { max: -1, weigth: {} },
      limits: { memory: { sof: 1 } },
    })
    expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([
      'balancer', 'driver.command', 'limits.memory.hard', 'limits.memory.sof', 'nonsense', 'queue.max', 'queue.weigth', 'size.min', 'size.mx',
    ])
  })

  it('include the first of the plugins when there are others', async () => {
    const broken: Plugin = { name: 'broken', apply: () => { throw new Error('boom') } }
    expect(await greenroomErrorOf(() => resolve({ driver: 'repl', plugins: [broken] }))).toMatchObject({ code: 'PLUGIN_FAILED' })
    kernel = createKernel()
    expect(await problemsOf({ driver: 'repl', sise: {}, plugins: [broken] })).toEqual([
      expect.stringContaining('sise: unknown option'),
      'plugins: The plugin "broken" could not be applied: boom',
    ])
  })

  it('within a union of objects are those of the branch that fits best', async () => {
    const shape = z.strictObject({
      host: z.union([z.string(), z.strictObject({ name: z.string(), port: z.int() })]),
      list: z.array(z.strictObject({ id: z.int() })).optional(),
    })
    const plugins = [strategyPlugin('store', 'remote', shape)]
    expect(await problemsOf({ driver: 'repl', store: { use: 'remote', host: { name: 'x', prot: 1 }, list: [{ id: 1, ids: 2 }] }, plugins })).toEqual([
      'store.host.port: missing: expected number',
      'store.host.prot: unknown option "prot", did you mean "port"? Known: name, port',
      'store.list[0].ids: unknown option "ids", did you mean "id"? Known: id',
    ])
    kernel = createKernel()
    kernel.registry.lazy('driver', 'repl', () => Promise.resolve({ default: strategyPlugin('driver', 'repl') }))
    const lines = await problemsOf({ driver: 'repl', store: { use: 'remote', host: 5 }, plugins })
    expect(lines).toContain('store.host: expected string, received number, or expected object, received number')
  })

  it('in an option schema that throws are told as its plugin\'s fault', async () => {
    const shape = z.strictObject({ x: z.string().transform(() => { throw new Error('bad schema') }) })
    const config = { driver: { use: 'odd', x: '1' }, plugins: [strategyPlugin('driver', 'odd', shape)] }
    expect(await greenroomErrorOf(() => resolve(config))).toMatchObject({ code: 'PLUGIN_FAILED', message: expect.stringContaining('driver "odd"') as string })
  })
})

describe('resolveGateway', () => {
  it('takes the default, a name or options, and lets overrides win', async () => {
    expect(await resolveGateway(undefined, kernel.host)).toEqual({ kind: 'gateway', name: 'http', options: { port: 4646, host: '127.0.0.1' } })
    expect((await resolveGateway('http', kernel.host, { port: 1, host: undefined })).options).toEqual({ port: 1, host: '127.0.0.1' })
    expect((await resolveGateway({ port: 5, host: 'x' }, kernel.host, { port: 2 })).options).toEqual({ port: 2, host: 'x' })
  })

  it('refuses what the gateway does not know', async () => {
    expect((await greenroomErrorOf(() => resolveGateway({ prot: 1 }, kernel.host))).message).toContain('gateway.prot: unknown option "prot", did you mean "port"?')
    expect((await greenroomErrorOf(() => resolveGateway('htp', kernel.host))).message).toContain('did you mean "http"?')
    expect((await greenroomErrorOf(() => resolveGateway(5, kernel.host))).message).toContain('gateway: expected')
  })
})
