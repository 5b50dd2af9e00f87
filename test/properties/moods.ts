import { definePlugin, type Kernel, type Plugin, type PoolHooks, type StrategyInstances, type StrategyKind, type z } from '../../src/contracts/index.ts'
import leastLoaded from '../../plugins/balancers/least-loaded.ts'
import lru from '../../plugins/evictors/lru.ts'
import ping from '../../plugins/health/ping.ts'
import memoryLimit from '../../plugins/limits/memory.ts'
import fair from '../../plugins/queues/fair.ts'
import fifo from '../../plugins/queues/fifo.ts'
import priority from '../../plugins/queues/priority.ts'
import backoff from '../../plugins/restart/backoff.ts'
import demand from '../../plugins/scalers/demand.ts'
import memoryStore from '../../plugins/stores/memory.ts'
import type { Mood } from './manners.ts'

/** What a mood makes of answers: of another type, of none, of the right type but impossible. */
const NONSENSE: Readonly<Record<string, unknown>> = {
  'scaler.decide': { target: NaN, reason: 'nonsense' },
  'restart.failed': { action: 'retry', delayMs: -1 },
  'hook.admit': 'a plugin says no',
  'metrics.sample': new Map([[7, { memoryBytes: 7 }]]),
}

/** What every problem says that a mood causes. */
export const MOOD = 'in a bad mood'

/** Foreign code of the bundled kind that has moods: while it has none, it does what the bundled one does. */
export class Moods {
  readonly #moods = new Map<string, Mood>()
  /** Those that have had one, ever. */
  readonly #had = new Set<string>()
  /** The strategies behind the moods. */
  readonly made: Partial<StrategyInstances> = {}
  readonly #taps: boolean
  readonly #answered: (where: string, answer: unknown) => void

  /**
   * @param taps Taps the hooks, too.
   * @param answered Hears of every answer that was given in no mood.
   */
  constructor(taps: boolean, answered: (where: string, answer: unknown) => void) {
    this.#taps = taps
    this.#answered = answered
  }

  set(where: string, mood: Mood): void {
    this.#moods.set(where, mood)
    this.#had.add(where)
  }

  /** Whether any has had one, ever. */
  get any(): boolean {
    return this.#had.size > 0
  }

  /** Whether one of these has: `store` is any of its methods. */
  had(...kinds: readonly string[]): boolean {
    return [...this.#had].some((where) => kinds.some((kind) => where === kind || where.startsWith(`${kind}.`)))
  }

  clear(): void {
    this.#moods.clear()
  }

  has(where: string): boolean {
    return this.#moods.has(where)
  }

  /** What the mood of the day makes of a call. */
  call(where: string, well: () => unknown): unknown {
    const mood = this.#moods.get(where)
    if (mood === undefined) {
      const answer = well()
      this.#answered(where, answer)
      return answer
    }
    const problem = new Error(`${where} is ${MOOD}`)
    if (mood === 'throws') throw problem
    if (mood === 'hangs') return new Promise(() => undefined)
    if (mood === 'rejects') return Promise.reject(problem)
    return NONSENSE[where]
  }

  /** Registers a strategy `moody` of each kind, and taps the hooks. */
  get plugin(): Plugin {
    return definePlugin({
      name: 'moods',
      apply: async (kernel) => {
        const bundled = { balancer: leastLoaded, evictor: lru, health: ping, limit: memoryLimit, restart: backoff, scaler: demand, store: memoryStore }
        for (const [kind, plugin] of Object.entries(bundled)) await this.#register(kernel, kind as StrategyKind, 'moody', plugin)
        await this.#register(kernel, 'queue', 'moody-fair', fair)
        await this.#register(kernel, 'queue', 'moody-fifo', fifo)
        await this.#register(kernel, 'queue', 'moody-priority', priority)
        if (this.#taps) this.#tap(kernel.hooks)
      },
    })
  }

  /** The same strategy under another name, with moods before its methods. */
  async #register(kernel: Kernel, kind: StrategyKind, name: string, plugin: Plugin): Promise<void> {
    await plugin.apply({
      ...kernel,
      strategy: (_kind, _name, definition) => {
        kernel.strategy(kind, name, {
          description: definition.description,
          options: definition.options as z.ZodType,
          create: async (options, context) => {
            const strategy = await definition.create(options as never, context)
            Object.assign(this.made, { [kind]: strategy })
            return this.moody(kind, strategy)
          },
        })
      },
    })
  }

  /** Has moods before every method. */
  moody<T extends object>(kind: string, strategy: T): T {
    return new Proxy(strategy, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function' || typeof property !== 'string') return value
        return (...args: unknown[]) => this.call(`${kind}.${property}`, () => Reflect.apply(value, target, args) as unknown)
      },
    })
  }

  #tap(hooks: PoolHooks): void {
    hooks.admit.tap('moods', () => this.call('hook.admit', () => undefined) as undefined)
    hooks.spawn.tap('moods', (spec) => this.call('hook.spawn', () => spec) as typeof spec)
    for (const name of ['state', 'acquired', 'released', 'request', 'refused', 'decision', 'usage', 'closed'] as const) {
      const hook = hooks[name] as { tap(name: string, tap: () => unknown): void }
      hook.tap('moods', () => this.call(`hook.${name}`, () => undefined))
    }
  }
}
