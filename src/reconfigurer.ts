import { GreenroomError, type PoolConfig, type Reconfiguration, type StrategyContext, type StrategyInstances } from './contracts/index.ts'
import type { Houses } from './houses.ts'
import { didYouMean } from './kernel/did-you-mean.ts'
import type { PluginHost } from './kernel/plugin-host.ts'
import { type ResolvedConfig, resolveConfig } from './kernel/resolve-config.ts'
import type { PoolEnvironment } from './pool/environment.ts'

const STRATEGIES = ['balancer', 'scaler', 'admission', 'queue', 'evictor', 'restart', 'health'] as const
const FIGURES = ['size', 'timeouts', 'maxUses'] as const
type Strategy = (typeof STRATEGIES)[number]

/** What a pool may change while it runs. */
export const RECONFIGURABLE: readonly (keyof Reconfiguration)[] = [...FIGURES, ...STRATEGIES]

export interface ReconfigurerDeps {
  /** The config as it was given. */
  readonly config: Readonly<Record<string, unknown>>
  readonly houses: Houses
  readonly host: PluginHost
  readonly context: StrategyContext
}

/**
 * Changes a pool while it runs. The new strategies are all made before the first of the old ones goes, and then they change in one turn:
 * whatever is wrong with one of them, the pool stays as it was. Sessions, leases and callers who wait are not touched.
 */
export class Reconfigurer {
  readonly #deps: ReconfigurerDeps
  #config: Readonly<Record<string, unknown>>
  /** Changes are made one after the other, in the order they were asked for. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(deps: ReconfigurerDeps) {
    this.#deps = deps
    this.#config = deps.config
  }

  /**
   * @param checkOpen Throws when the pool is not open any more.
   * @throws what resolveConfig and StrategyRegistry.create throw, and what `checkOpen` does.
   */
  apply(changes: Reconfiguration, checkOpen: () => void): Promise<void> {
    const change = this.#last.then(() => this.#apply(changes, checkOpen))
    this.#last = change.catch(() => undefined)
    return change
  }

  async #apply(changes: Reconfiguration, checkOpen: () => void): Promise<void> {
    const { host, context, houses } = this.#deps
    checkOpen()
    const names = changed(changes)
    const config = { ...this.#config, ...changes, ...merged('size', this.#config, changes), ...merged('timeouts', this.#config, changes) }
    // The plugins have been applied, once and for all.
    const resolved = await resolveConfig({ ...config, plugins: [] }, host)
    const made: Partial<{ [Kind in Strategy]: StrategyInstances[Kind] }> = {}
    for (const kind of STRATEGIES) {
      const chosen = names.has(kind) ? resolved.strategies[kind] : undefined
      if (chosen) Object.assign(made, { [kind]: await host.registry.create(chosen, context) })
    }
    checkOpen()
    this.#config = config
    const { env, allocator, turnstile, scaling, lifetimes, health, news } = houses
    env.settings = { ...env.settings, ...changeable(resolved) }
    if (made.balancer) {
      env.balancer = made.balancer
      news.balancerChosen()
    }
    if (made.evictor) {
      env.evictor = made.evictor
      news.evictorChosen()
    }
    if (made.scaler) env.scaler = made.scaler
    if (made.restart) env.restart = made.restart
    if (made.queue) allocator.requeue(made.queue as PoolEnvironment['queue'])
    if (names.has('admission')) turnstile.admission = made.admission
    if (names.has('health')) health.use(made.health && resolved.settings.health && { ...resolved.settings.health, check: made.health })
    env.decisions.record('reconfigure', () => `changed: ${[...names].join(', ')}`)
    if (names.has('timeouts')) lifetimes.reconfigured()
    if (names.has('size')) allocator.openGates()
    scaling.reconfigured()
  }
}

function changeable({ settings: { size, timeouts, maxUses, queueMax, health } }: ResolvedConfig): Partial<PoolEnvironment['settings']> {
  return { size, timeouts, maxUses, queueMax, health }
}

/** @throws GreenroomError `CONFIG_INVALID` when something is to be changed that can't be. */
function changed(changes: unknown): ReadonlySet<string> {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    throw new GreenroomError('CONFIG_INVALID', `reconfigure(changes): changes must be an object with any of ${RECONFIGURABLE.join(', ')}`)
  }
  const names = Object.keys(changes)
  const fixed = names.filter((name) => !(RECONFIGURABLE as readonly string[]).includes(name))
  if (fixed.length === 0) return new Set(names)
  const guess = didYouMean(fixed[0]!, RECONFIGURABLE)
  const advice = guess !== undefined ? `did you mean "${guess}"?` : `what may be changed while the pool runs is ${RECONFIGURABLE.join(', ')}; for anything else make another pool, and drain this one`
  throw new GreenroomError('CONFIG_INVALID', `reconfigure(): ${fixed.map((name) => `"${name}"`).join(', ')} cannot be changed: ${advice}`)
}

/** Of these, fields that are not named stay as they are. */
function merged(name: 'size' | 'timeouts', config: Readonly<Record<string, unknown>>, changes: Reconfiguration): Partial<PoolConfig> {
  const [before, after] = [config[name], changes[name]]
  const both = typeof before === 'object' && before !== null && typeof after === 'object'
  return both ? { [name]: { ...before, ...after } } : {}
}
