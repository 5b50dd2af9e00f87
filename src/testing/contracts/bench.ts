import {
  CLOCK, type Clock, messageOf, type Plugin, RANDOM, type Random, SPAWNER, type StrategyContext, type StrategyInstances, type StrategyKind, z,
} from '../../contracts/index.ts'
import { registerBundled } from '../../bundled.ts'
import { check, configError, type ConfigProblem } from '../../kernel/config-problems.ts'
import { createContainer, provide } from '../../kernel/container.ts'
import { createHooks } from '../../kernel/hooks.ts'
import { PluginHost } from '../../kernel/plugin-host.ts'
import { resolveNested } from '../../kernel/resolve-config.ts'
import { type AnyDefinition, StrategyRegistry } from '../../kernel/strategy-registry.ts'
import { systemClock } from '../../kernel/system-clock.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import { createSpawner } from '../../process/spawner.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { ContractCase } from './contract-case.ts'
import { fail, rule, settled, show } from './rules.ts'

/** A strategy as a config names it. */
export interface StrategyByName {
  /** The plugin that registers it, or a list where it requires others. None: a strategy that comes with greenroom. */
  readonly plugin?: Plugin | readonly Plugin[]
  /** Its name. */
  readonly use: string
  /** Its options; they are checked by its schema. Default: none. */
  readonly options?: object
}

/** A strategy without a plugin around it. `create` is called for each case, and must return a new one each time. */
export interface StrategyByFunction<Kind extends StrategyKind> {
  readonly create: (context: StrategyContext) => StrategyInstances[Kind] | Promise<StrategyInstances[Kind]>
}

/** What a contract suite is about: a strategy of that kind. */
export type StrategySource<Kind extends StrategyKind> = StrategyByName | StrategyByFunction<Kind>

/** The surroundings of one strategy, as a pool's. */
export interface MakeOptions {
  /** Equal seeds have equal chance. Default 1. */
  readonly seed?: number
  readonly clock?: Clock
}

/** Makes strategies as a pool does, each with a kernel of its own, and takes everything apart afterwards. One bench serves one case. */
export class Bench<Kind extends StrategyKind, C extends Clock = Clock> {
  readonly clock: C
  readonly random: Random = seededRandom(1)
  /** What its strategies and plugins reported. */
  readonly problems: string[] = []
  readonly #kind: Kind
  readonly #source: StrategySource<Kind>
  readonly #hosts: PluginHost[] = []

  constructor(kind: Kind, source: StrategySource<Kind>, clock: C) {
    this.#kind = kind
    this.#source = source
    this.clock = clock
  }

  /** One more strategy, as for one more pool. */
  async make({ seed = 1, clock = this.clock }: MakeOptions = {}): Promise<StrategyInstances[Kind]> {
    const { host, context } = this.#kernel(clock, seededRandom(seed))
    const { name, definition, options } = await this.#define(host)
    const problems: ConfigProblem[] = []
    const checked = check(definition.options, options, [this.#kind], problems)
    await resolveNested(checked, host, [this.#kind], problems)
    if (problems.length > 0) fail(`${this.#name} refuses the options it was given: ${configError(problems).message}`)
    return settled(`create() of ${this.#name}`, () => host.registry.create({ kind: this.#kind, name, options: checked }, context))
  }

  /** What the plugin registered. */
  async definition(): Promise<{ readonly definition: AnyDefinition; readonly options: object }> {
    return this.#define(this.#kernel(this.clock, this.random).host)
  }

  /** Tells the plugins that their pools are closed. */
  async close(): Promise<void> {
    for (const host of this.#hosts.splice(0)) await host.close()
  }

  get #name(): string {
    return 'use' in this.#source ? `the ${this.#kind} "${this.#source.use}"` : `the ${this.#kind}`
  }

  #kernel(clock: Clock, random: Random): { host: PluginHost; context: StrategyContext } {
    const container = createContainer()
    const hooks = createHooks((problem, where) => void this.problems.push(`${where}: ${messageOf(problem)}`))
    provide(container, CLOCK, [], () => clock)
    provide(container, RANDOM, [], () => random)
    provide(container, SPAWNER, [], () => createSpawner({ clock }))
    const registry = new StrategyRegistry()
    // The deadlines of plugins are real, also where the strategy's clock is not.
    const host = new PluginHost({ hooks, container, registry, clock: systemClock })
    this.#hosts.push(host)
    const report = (problem: unknown, where: string): void => hooks.problem.call(problem, where)
    // As if somebody read all of it at once: what the text is made of must be there.
    const explain = (reason: string | (() => string)): void => void (typeof reason === 'string' ? reason : reason())
    return { host, context: { clock, random, container, report, explain } }
  }

  async #define(host: PluginHost): Promise<{ name: string; definition: AnyDefinition; options: object }> {
    const { registry } = host
    const source = this.#source
    if (!('use' in source)) {
      const { create } = source
      registry.register(this.#kind, 'given', { description: '', options: z.strictObject({}), create: (_options, context) => create(context) })
      return { name: 'given', definition: registry.definition(this.#kind, 'given')!, options: {} }
    }
    registerBundled(registry)
    const { plugin = [], use, options = {} } = source
    const plugins = Array.isArray(plugin) ? (plugin as readonly Plugin[]) : [plugin as Plugin]
    await settled('apply() of the plugins', () => host.apply(plugins))
    await settled(`loading ${this.#name}`, () => host.load(this.#kind, use))
    const definition = registry.definition(this.#kind, use)
    if (definition) return { name: use, definition, options }
    fail(`No plugin registers ${this.#name}. Known: ${registry.names(this.#kind).join(', ') || 'none'}`)
  }
}

/** Adds a case: `work` gets a bench of its own. */
export type AddCase<Kind extends StrategyKind, C extends Clock> = (title: string, work: (bench: Bench<Kind, C>) => Promise<void> | void) => void

/**
 * A suite in the making. For a strategy that a plugin registers it begins with what holds for every registration. `virtual`: time
 * stands still for the strategy unless a case moves it; `real`: it is the system's.
 */
export function suiteOf<Kind extends StrategyKind>(
  kind: Kind, source: StrategySource<Kind>, time: 'virtual',
): { cases: ContractCase[]; add: AddCase<Kind, VirtualClock> }
export function suiteOf<Kind extends StrategyKind>(kind: Kind, source: StrategySource<Kind>, time: 'real'): { cases: ContractCase[]; add: AddCase<Kind, Clock> }
export function suiteOf<Kind extends StrategyKind>(
  kind: Kind, source: StrategySource<Kind>, time: 'virtual' | 'real',
): { cases: ContractCase[]; add: AddCase<Kind, VirtualClock> } | { cases: ContractCase[]; add: AddCase<Kind, Clock> } {
  const cases: ContractCase[] = []
  const adder = <C extends Clock>(newClock: () => C): AddCase<Kind, C> => (title, work) => {
    cases.push({
      title,
      run: async () => {
        const bench = new Bench(kind, source, newClock())
        try {
          await work(bench)
        } catch (error) {
          if (error instanceof Error && bench.problems.length > 0) error.message += `. Reported meanwhile: ${show([...new Set(bench.problems)])}`
          throw error
        } finally {
          await bench.close()
        }
      },
    })
  }
  const suite = time === 'virtual' ? { cases, add: adder(() => new VirtualClock()) } : { cases, add: adder(() => systemClock) }
  if ('use' in source) addRegistrationCases(suite.add)
  return suite
}

function addRegistrationCases<Kind extends StrategyKind>(add: (title: string, work: (bench: Bench<Kind>) => Promise<void>) => void): void {
  add('is registered by its plugin, and made from its options', async (bench) => {
    await bench.make()
  })

  add('describes itself in one line', async (bench) => {
    const { description } = (await bench.definition()).definition
    rule(description.trim() !== '' && !description.includes('\n'), 'Its description must be one line for people: what it does, when to choose it')
  })

  add('refuses options it does not know', async (bench) => {
    const { definition, options } = await bench.definition()
    const { success } = await definition.options.safeParseAsync({ ...options, 'no such option': true })
    rule(!success, 'It took an option it does not know, so a typing error in a config would go unnoticed: make its schema with z.strictObject({ … })')
  })
}
