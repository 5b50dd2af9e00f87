import { GreenroomError, isGreenroomError, messageOf, NestedStrategy, z, type Plugin, type PoolSettings, type StrategyKind } from '../contracts/index.ts'
import { check, configError, pathText, unknownName, type ConfigProblem } from './config-problems.ts'
import { configSchema, healthLoopSchema, isRecord, metricsLoopSchema, queueLoopSchema } from './config-schema.ts'
import type { PluginHost } from './plugin-host.ts'
import type { ChosenStrategy } from './strategy-registry.ts'

/** A configuration that was checked: every default filled in, every strategy known, its options checked, its plugin applied. */
export interface ResolvedConfig {
  readonly settings: PoolSettings
  readonly strategies: {
    readonly driver: ChosenStrategy<'driver'>
    readonly balancer: ChosenStrategy<'balancer'>
    readonly scaler: ChosenStrategy<'scaler'>
    readonly admission: ChosenStrategy<'admission'> | undefined
    readonly queue: ChosenStrategy<'queue'>
    readonly evictor: ChosenStrategy<'evictor'>
    readonly restart: ChosenStrategy<'restart'>
    readonly store: ChosenStrategy<'store'>
    readonly health: ChosenStrategy<'health'> | undefined
    readonly metrics: ChosenStrategy<'metrics'> | undefined
    readonly limits: readonly ChosenStrategy<'limit'>[]
  }
  readonly plugins: readonly Plugin[]
  /** As it was given: `resolveGateway` is for it. */
  readonly gateway: unknown
}

type Shape = z.output<typeof configSchema>
type Loop = z.ZodObject
type Path = readonly PropertyKey[]

/** The strategy of each kind when the config names none. A driver must be named. */
export const DEFAULT_NAMES = {
  balancer: 'least-loaded',
  scaler: 'demand',
  health: 'ping',
  metrics: 'pidusage',
  queue: 'fair',
  evictor: 'lru',
  restart: 'backoff',
  store: 'memory',
  gateway: 'http',
} as const satisfies Partial<Record<StrategyKind, string>>

/** Kinds whose default's options may be given without its name. */
export const NAME_OPTIONAL: ReadonlySet<StrategyKind> = new Set<StrategyKind>(['health', 'metrics', 'queue', 'restart', 'gateway'])

const NO_LOOP = z.strictObject({})

/**
 * Checks a configuration from whatever source. First its shape; then the user's plugins are applied, for they may bring strategies; then
 * the bundled ones that the config names are loaded; then every strategy's options are checked.
 * @throws GreenroomError `CONFIG_INVALID` with every problem found; `PLUGIN_INVALID`, `PLUGIN_FAILED` or `PEER_MISSING` from plugins.
 */
export async function resolveConfig(input: unknown, host: PluginHost): Promise<ResolvedConfig> {
  const problems: ConfigProblem[] = []
  if (!isRecord(input)) throw configError([{ path: '', message: 'it must be an object such as { driver: … }: see defineConfig' }])

  const shape = check(configSchema, input, [], problems)
  if (shape) checkSizes(shape, problems)
  const plugins = (Array.isArray(input['plugins']) ? input['plugins'] : []) as readonly Plugin[]
  await applyPlugins(host, plugins, problems)

  const resolver = new Resolver(host, problems)
  const driver = await resolver.choose('driver', input['driver'])
  const balancer = await resolver.choose('balancer', input['balancer'])
  const scaler = await resolver.choose('scaler', input['scaler'])
  const health = await resolver.choose('health', input['health'], healthLoopSchema)
  const metrics = await resolver.choose('metrics', input['metrics'], metricsLoopSchema)
  const admission = await resolver.choose('admission', input['admission'])
  const queue = await resolver.choose('queue', input['queue'], queueLoopSchema)
  const evictor = await resolver.choose('evictor', input['evictor'])
  const restart = await resolver.choose('restart', input['restart'])
  const store = await resolver.choose('store', input['store'])
  const limits = await resolver.limits(input['limits'])
  if (input['metrics'] === false && isRecord(input['size']) && input['size']['memory'] !== undefined) {
    problems.push({ path: 'size.memory', message: 'it goes by what is measured, and metrics is false: leave one of the two out' })
  }
  if (limits.length > 0 && input['metrics'] === false) {
    problems.push({ path: 'limits', message: 'they judge what is measured, and metrics is false: leave one of the two out' })
  }

  const complete = shape && driver && balancer && scaler && queue && evictor && restart && store
  if (!complete || problems.length > 0) throw configError(problems)
  return {
    settings: settingsOf(shape, queue.loop, health?.loop, metrics?.loop),
    strategies: {
      driver: driver.chosen,
      balancer: balancer.chosen,
      scaler: scaler.chosen,
      admission: admission?.chosen,
      queue: queue.chosen,
      evictor: evictor.chosen,
      restart: restart.chosen,
      store: store.chosen,
      health: health?.chosen,
      metrics: metrics?.chosen,
      limits,
    },
    plugins,
    gateway: input['gateway'],
  }
}

/**
 * The gateway of a configuration that was resolved; `overrides` (from a command line) win over its options, where they are set.
 * @throws GreenroomError `CONFIG_INVALID`
 */
export async function resolveGateway(gateway: unknown, host: PluginHost, overrides: Readonly<Record<string, unknown>> = {}): Promise<ChosenStrategy<'gateway'>> {
  const problems: ConfigProblem[] = []
  check(configSchema.shape.gateway, gateway, ['gateway'], problems)
  const given = typeof gateway === 'string' ? { use: gateway } : isRecord(gateway) ? gateway : {}
  const set = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  const resolved = await new Resolver(host, problems).choose('gateway', { ...given, ...set })
  if (!resolved || problems.length > 0) throw configError(problems)
  return resolved.chosen
}

/** Checks the strategies that are named in another's options, which were checked; `path` is where those are. Adds what is wrong to `problems`. */
export async function resolveNested(options: unknown, host: PluginHost, path: Path, problems: ConfigProblem[]): Promise<void> {
  await new Resolver(host, problems).nested(options, path)
}

class Resolver {
  readonly #host: PluginHost
  readonly #problems: ConfigProblem[]

  constructor(host: PluginHost, problems: ConfigProblem[]) {
    this.#host = host
    this.#problems = problems
  }

  /** `undefined` when it is switched off or something is wrong with it. */
  async choose<Kind extends StrategyKind, L extends Loop>(
    kind: Kind,
    given: unknown,
    loopSchema?: L,
  ): Promise<{ chosen: ChosenStrategy<Kind>; loop: z.output<L> } | undefined> {
    const choice = this.#read(kind, given)
    if (!choice) return undefined
    const loopNames = Object.keys(loopSchema?.shape ?? {})
    const [loopOptions, options] = split(choice.options, loopNames)
    const loop = check(loopSchema ?? NO_LOOP, loopOptions, [kind], this.#problems)
    const chosen = await this.#check(kind, choice.name, options, [kind], isRecord(given) ? ['use'] : [], ['use', ...loopNames])
    return chosen && loop && { chosen, loop: loop as z.output<L> }
  }

  async limits(given: unknown): Promise<ChosenStrategy<'limit'>[]> {
    const limits: ChosenStrategy<'limit'>[] = []
    for (const [name, options] of Object.entries(isRecord(given) ? given : {})) {
      if (options === undefined) continue
      const chosen = await this.#check('limit', name, options, ['limits', name], [])
      if (chosen) limits.push(chosen)
    }
    return limits
  }

  /** What is deeper in them than arrays and plain objects is the strategy's own. */
  async nested(options: unknown, path: Path): Promise<void> {
    if (options instanceof NestedStrategy) return this.#nestedOne(options as NestedStrategy, path)
    const plain = Array.isArray(options) || (isRecord(options) && Object.getPrototypeOf(options) === Object.prototype)
    if (!plain) return
    for (const [name, value] of Object.entries(options)) await this.nested(value, [...path, Array.isArray(options) ? Number(name) : name])
  }

  async #nestedOne(nested: NestedStrategy, path: Path): Promise<void> {
    const { use, ...options } = (typeof nested.given === 'string' ? { use: nested.given } : nested.given) as { use: string }
    const chosen = await this.#check(nested.kind, use, options, path, typeof nested.given === 'string' ? [] : ['use'], ['use'])
    if (chosen) nested.resolved((context) => this.#host.registry.create(chosen, context))
  }

  /** Name and options; `undefined` when there is nothing to choose, or the shape's check has told of it. */
  #read(kind: StrategyKind, given: unknown): { name: string; options: Record<string, unknown> } | undefined {
    const fallback = kind in DEFAULT_NAMES ? DEFAULT_NAMES[kind as keyof typeof DEFAULT_NAMES] : undefined
    if (given === undefined) return fallback === undefined ? undefined : { name: fallback, options: {} }
    if (typeof given === 'string') return { name: given, options: {} }
    if (!isRecord(given)) return undefined
    const { use, ...options } = given
    if (typeof use === 'string') return { name: use, options }
    if (use === undefined && fallback !== undefined && NAME_OPTIONAL.has(kind)) return { name: fallback, options }
    const names = this.#host.registry.names(kind).join(', ')
    this.#problems.push({ path: `${kind}.use`, message: `${use === undefined ? 'missing: ' : ''}expected the name of a ${kind}. Known: ${names || 'none'}` })
    return undefined
  }

  async #check<Kind extends StrategyKind>(
    kind: Kind,
    name: string,
    options: unknown,
    path: Path,
    namePath: Path,
    otherFields: readonly string[] = [],
  ): Promise<ChosenStrategy<Kind> | undefined> {
    const { registry } = this.#host
    if (!registry.names(kind).includes(name)) {
      this.#problems.push({ path: pathText([...path, ...namePath]), message: unknownName(kind, name, registry.names(kind)) })
      return undefined
    }
    await this.#host.load(kind, name)
    const definition = registry.definition(kind, name)
    if (!definition) return undefined
    const before = this.#problems.length
    let checked: unknown
    try {
      checked = check(definition.options, options, path, this.#problems, otherFields)
    } catch (error) {
      throw new GreenroomError('PLUGIN_FAILED', `The option schema of the ${kind} "${name}" threw: ${messageOf(error)}`, { cause: error })
    }
    await this.nested(checked, path)
    return this.#problems.length > before ? undefined : { kind, name, options: checked }
  }
}

async function applyPlugins(host: PluginHost, plugins: readonly unknown[], problems: readonly ConfigProblem[]): Promise<void> {
  try {
    await host.apply(plugins)
  } catch (error) {
    if (problems.length === 0 || !isGreenroomError(error)) throw error
    throw configError([...problems, { path: 'plugins', message: error.message }], error)
  }
}

function checkSizes({ size, isolation, bindAtSpawn }: Shape, problems: ConfigProblem[]): void {
  const { max } = size
  const bound = (name: 'min' | 'spare' | 'perTenant'): void => {
    const value = size[name]
    if (typeof value === 'number' && value > max) problems.push({ path: `size.${name}`, message: `${value} is more than size.max, which is ${max}` })
  }
  bound('min')
  bound('spare')
  bound('perTenant')
  if (isolation === 'none' && size.perTenant !== undefined) {
    problems.push({ path: 'size.perTenant', message: "with isolation 'none' sessions belong to no tenant: leave it out" })
  }
  if (isolation === 'none' && bindAtSpawn) {
    problems.push({ path: 'bindAtSpawn', message: "with isolation 'none' sessions belong to no tenant: leave it out" })
  }
}

function settingsOf(
  shape: Shape,
  queue: z.output<typeof queueLoopSchema>,
  health: z.output<typeof healthLoopSchema> | undefined,
  metrics: z.output<typeof metricsLoopSchema> | undefined,
): PoolSettings {
  const { size, isolation, bindAtSpawn, resetRequires, maxUses, timeouts, stateDir, keeper } = shape
  return {
    size: { ...size, ...sparesOf(size.spare), perTenant: isolation === 'none' ? Infinity : (size.perTenant ?? size.max), memory: size.memory ?? Infinity },
    isolation,
    bindAtSpawn,
    resetRequires,
    maxUses,
    timeouts,
    queueMax: queue.max,
    stateDir,
    keeper,
    health: health && { everyMs: health.every, timeoutMs: health.timeout, failures: health.failures, successes: health.successes },
    metrics: metrics && { everyMs: metrics.every, pssEveryMs: metrics.pssEvery },
  }
}

function sparesOf(spare: number | string): { spare: number; spareShare: number } {
  return typeof spare === 'number' ? { spare, spareShare: 0 } : { spare: 1, spareShare: Number.parseFloat(spare) }
}

function split(options: Record<string, unknown>, names: readonly string[]): [Record<string, unknown>, Record<string, unknown>] {
  const entries = Object.entries(options)
  const own = ([name]: [string, unknown]): boolean => names.includes(name)
  return [Object.fromEntries(entries.filter(own)), Object.fromEntries(entries.filter((entry) => !own(entry)))]
}
