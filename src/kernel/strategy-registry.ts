import {
  GreenroomError, isGreenroomError, messageOf, type Plugin, type StrategyContext, type StrategyDefinition, type StrategyInstances,
  type StrategyKind, type z,
} from '../contracts/index.ts'
import { runWithDeadline } from './deadline.ts'
import { missingMethods, STRATEGY_KINDS } from './strategy-methods.ts'

/** A strategy that a config has chosen; `options` are what its schema made of the given ones. */
export interface ChosenStrategy<Kind extends StrategyKind = StrategyKind> {
  readonly kind: Kind
  readonly name: string
  readonly options: unknown
}

/** Loads the plugin that registers a bundled strategy. */
export type LoadPlugin = () => Promise<{ readonly default: Plugin }>

/** A definition of any kind, its option type forgotten: its schema is what checks options. */
export interface AnyDefinition {
  readonly description: string
  readonly options: z.ZodType
  create(options: unknown, context: StrategyContext): unknown
}

/** Time for making one strategy. */
const CREATE_DEADLINE = 10_000

/** The strategies of one pool, by kind and name. Bundled ones are known by name, and loaded when they are needed. */
export class StrategyRegistry {
  readonly #definitions = new Map<string, AnyDefinition>()
  readonly #bundled = new Map<string, LoadPlugin>()
  readonly #names = new Map<StrategyKind, Set<string>>()

  /**
   * @param bundled True for plugins that come with greenroom: they take the names kept for them.
   * @throws GreenroomError `PLUGIN_INVALID` when the name is taken or the definition is malformed.
   */
  register<Kind extends StrategyKind, Schema extends z.ZodType>(
    kind: Kind,
    name: string,
    definition: StrategyDefinition<Kind, Schema>,
    bundled = false,
  ): void {
    checkDefinition(kind, name, definition)
    const id = idOf(kind, name)
    if (this.#definitions.has(id)) throw new GreenroomError('PLUGIN_INVALID', `The ${kind} "${name}" is registered twice: choose another name`)
    if (!bundled && this.#bundled.has(id)) {
      const advice = 'choose another name, or, if you meant the bundled one, name it in the config and leave its plugin out of "plugins"'
      throw new GreenroomError('PLUGIN_INVALID', `The ${kind} "${name}" comes with greenroom: ${advice}`)
    }
    this.#definitions.set(id, definition)
    this.#remember(kind, name)
  }

  /** Makes a bundled strategy known; `load` is called when a config names it. */
  lazy(kind: StrategyKind, name: string, load: LoadPlugin): void {
    this.#bundled.set(idOf(kind, name), load)
    this.#remember(kind, name)
  }

  /** All names of a kind, loaded or not, sorted. */
  names(kind: StrategyKind): string[] {
    return [...(this.#names.get(kind) ?? [])].sort()
  }

  /** `undefined` when there is none of that name, or it is a bundled one that was not loaded yet. */
  definition(kind: StrategyKind, name: string): AnyDefinition | undefined {
    return this.#definitions.get(idOf(kind, name))
  }

  /** How to load a bundled strategy that was not loaded yet. */
  toLoad(kind: StrategyKind, name: string): LoadPlugin | undefined {
    const id = idOf(kind, name)
    return this.#definitions.has(id) ? undefined : this.#bundled.get(id)
  }

  /**
   * Makes a strategy from options that were checked.
   * @throws GreenroomError `PLUGIN_FAILED` when its `create` throws or takes longer than ten seconds; `PLUGIN_INVALID` when what it
   * made is no strategy of that kind. Errors that are GreenroomErrors already (a missing peer) come through as they are.
   */
  async create<Kind extends StrategyKind>(chosen: ChosenStrategy<Kind>, context: StrategyContext): Promise<StrategyInstances[Kind]> {
    const { kind, name, options } = chosen
    const definition = this.definition(kind, name)
    if (!definition) throw new GreenroomError('CONFIG_INVALID', `There is no ${kind} "${name}". Known: ${this.names(kind).join(', ') || 'none'}`)
    const made = await runWithDeadline(
      () => definition.create(options, context),
      CREATE_DEADLINE,
      context.clock,
      () => new GreenroomError('PLUGIN_FAILED', `The ${kind} "${name}" was not made within ${CREATE_DEADLINE / 1_000} s: its create() must resolve sooner`),
    ).catch((error: unknown) => {
      if (isGreenroomError(error)) throw error
      throw new GreenroomError('PLUGIN_FAILED', `The ${kind} "${name}" could not be made: ${messageOf(error)}`, { cause: error })
    })
    const missing = missingMethods(kind, made)
    if (missing) throw new GreenroomError('PLUGIN_INVALID', `What create() of the ${kind} "${name}" made is no ${kind}: ${missing}`)
    return made as StrategyInstances[Kind]
  }

  #remember(kind: StrategyKind, name: string): void {
    const names = this.#names.get(kind)
    if (names) names.add(name)
    else this.#names.set(kind, new Set([name]))
  }
}

function idOf(kind: StrategyKind, name: string): string {
  return `${kind} ${name}`
}

function checkDefinition(kind: StrategyKind, name: unknown, definition: unknown): void {
  const fault = faultOf(kind, name, definition)
  if (fault !== undefined) throw new GreenroomError('PLUGIN_INVALID', `The ${kind} "${String(name)}" is malformed: ${fault}`)
}

function faultOf(kind: StrategyKind, name: unknown, definition: unknown): string | undefined {
  if (!STRATEGY_KINDS.includes(kind)) return `"${String(kind)}" is no kind of strategy. Known: ${STRATEGY_KINDS.join(', ')}`
  if (typeof name !== 'string' || name === '') return 'its name must be a text that is not empty'
  if (typeof definition !== 'object' || definition === null) return 'its definition must be an object with description, options and create'
  const { description, options, create } = definition as Partial<Record<keyof AnyDefinition, unknown>>
  if (typeof description !== 'string') return '"description" must be one line of text'
  if (typeof create !== 'function') return '"create" must be a function'
  const isSchema = typeof options === 'object' && options !== null && 'safeParse' in options && 'def' in options
  return isSchema ? undefined : '"options" must be a schema, such as z.strictObject({}) (z comes from greenroom/kit)'
}
