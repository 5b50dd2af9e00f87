import type { DependencyContainer } from 'tsyringe'
import { GreenroomError, isGreenroomError, messageOf, type Clock, type Kernel, type Plugin, type PoolHooks, type StrategyKind } from '../contracts/index.ts'
import { provide, resolve } from './container.ts'
import { runWithDeadline } from './deadline.ts'
import { sealHooks } from './hooks.ts'
import { orderPlugins } from './plugin-order.ts'
import type { StrategyRegistry } from './strategy-registry.ts'

/** Time for each plugin's `apply`, for loading a bundled one, and for each `onClose` callback. */
const PLUGIN_DEADLINE = 10_000

export interface PluginHostParts {
  readonly hooks: PoolHooks
  readonly container: DependencyContainer
  readonly registry: StrategyRegistry
  readonly clock: Clock
}

/** Applies plugins to one pool, and tells them when it closes. */
export class PluginHost {
  readonly #parts: PluginHostParts
  readonly #applied = new Set<string>()
  readonly #loading = new Map<string, Promise<void>>()
  /** One bundled plugin may register several strategies; it is applied once. */
  readonly #applying = new Map<Plugin, Promise<void>>()
  readonly #closers: { readonly plugin: string; readonly callback: () => void | Promise<void> }[] = []
  #closed: Promise<void> | undefined

  constructor(parts: PluginHostParts) {
    this.#parts = parts
  }

  get registry(): StrategyRegistry {
    return this.#parts.registry
  }

  /**
   * Applies plugins one after the other, each after those it requires. When one fails the rest is not applied: close the host then.
   * @throws GreenroomError `PLUGIN_INVALID` (nothing was applied, or a plugin registered what it may not), `PLUGIN_FAILED` with the cause.
   */
  async apply(plugins: readonly unknown[]): Promise<void> {
    for (const plugin of orderPlugins(plugins, this.#applied)) {
      this.#applied.add(plugin.name)
      await this.#applyOne(plugin, false)
    }
  }

  /**
   * Loads the bundled plugin behind a strategy, unless the strategy is there already or there is no such plugin.
   * @throws GreenroomError `PLUGIN_FAILED` with the cause, or what the plugin threw when that is a GreenroomError.
   */
  async load(kind: StrategyKind, name: string): Promise<void> {
    const id = `${kind} ${name}`
    const load = this.registry.toLoad(kind, name)
    if (!load) return
    let loading = this.#loading.get(id)
    if (!loading) {
      loading = this.#loadOne(kind, name, load)
      this.#loading.set(id, loading)
    }
    await loading
  }

  /** From now on hooks cannot be tapped any more. Bundled plugins that only register strategies can still be loaded. */
  seal(): void {
    sealHooks(this.#parts.hooks)
  }

  /** Calls what plugins gave to `onClose`, the last first, each within a deadline. Failures go to the hook `problem`. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#runClosers()
    return this.#closed
  }

  async #runClosers(): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      const { plugin, callback } = closer
      const where = `onClose of the plugin "${plugin}"`
      const late = (): GreenroomError => new GreenroomError('PLUGIN_FAILED', `${where} did not settle within ${PLUGIN_DEADLINE / 1_000} s`)
      try {
        await runWithDeadline(callback, PLUGIN_DEADLINE, this.#parts.clock, late)
      } catch (error) {
        this.#parts.hooks.problem.call(error, where)
      }
    }
  }

  async #loadOne(kind: StrategyKind, name: string, load: () => Promise<{ readonly default: Plugin }>): Promise<void> {
    const what = `The bundled ${kind} "${name}"`
    const { default: plugin } = await this.#guarded(load, `${what} could not be loaded`)
    let applying = this.#applying.get(plugin)
    if (!applying) {
      applying = this.#applyOne(plugin, true)
      this.#applying.set(plugin, applying)
    }
    await applying
    if (!this.registry.definition(kind, name)) throw new GreenroomError('PLUGIN_INVALID', `${what} is not registered by its plugin "${plugin.name}"`)
  }

  async #applyOne(plugin: Plugin, bundled: boolean): Promise<void> {
    const phase = { open: true }
    try {
      await this.#guarded(() => plugin.apply(this.#kernelFor(plugin, phase, bundled)), `The plugin "${plugin.name}" could not be applied`)
    } finally {
      phase.open = false
    }
  }

  #guarded<T>(work: () => Promise<T> | T, failure: string): Promise<T> {
    const late = (): GreenroomError => new GreenroomError('PLUGIN_FAILED', `${failure}: it took longer than ${PLUGIN_DEADLINE / 1_000} s`)
    return runWithDeadline(work, PLUGIN_DEADLINE, this.#parts.clock, late).catch((error: unknown) => {
      if (isGreenroomError(error)) throw error
      throw new GreenroomError('PLUGIN_FAILED', `${failure}: ${messageOf(error)}`, { cause: error })
    })
  }

  #kernelFor(plugin: Plugin, phase: { readonly open: boolean }, bundled: boolean): Kernel {
    const { hooks, container, registry } = this.#parts
    // What comes after apply, or after its deadline, comes too late: the config may have been checked without it.
    const inApply = (what: string): void => {
      if (!phase.open) throw new GreenroomError('PLUGIN_INVALID', `The plugin "${plugin.name}" called kernel.${what}() after its apply: call it in apply, and await what apply begins`)
    }
    return {
      hooks,
      container,
      strategy: (kind, name, definition) => {
        inApply('strategy')
        registry.register(kind, name, definition, bundled)
      },
      provide: (token, dependencies, factory) => {
        inApply('provide')
        provide(container, token, dependencies, factory)
      },
      get: (token) => resolve(container, token),
      onClose: (callback) => {
        if (this.#closed) throw new GreenroomError('PLUGIN_INVALID', `The plugin "${plugin.name}" called kernel.onClose() after the pool was closed`)
        this.#closers.push({ plugin: plugin.name, callback })
      },
    }
  }
}
