import {
  CLOCK, type Clock, type Driver, type Gateway, GreenroomError, POOL, type Pool, type PoolConfig, type PoolSettings, RANDOM, type Random, SPAWNER, type Spawner,
  type StrategyContext,
} from './contracts/index.ts'
import { registerBundled } from './bundled.ts'
import type { Houses } from './houses.ts'
import { createContainer, provide } from './kernel/container.ts'
import { createHooks } from './kernel/hooks.ts'
import { runWithDeadline } from './kernel/deadline.ts'
import { PluginHost } from './kernel/plugin-host.ts'
import { type ResolvedConfig, resolveConfig, resolveGateway } from './kernel/resolve-config.ts'
import { StrategyRegistry } from './kernel/strategy-registry.ts'
import { systemClock } from './kernel/system-clock.ts'
import { systemRandom } from './kernel/system-random.ts'
import { Timeouts } from './kernel/timeouts.ts'
import { LivePool } from './live-pool.ts'
import { Allocator } from './pool/allocator.ts'
import { Births } from './pool/births.ts'
import { Capacity } from './pool/capacity.ts'
import { DecisionLog } from './pool/decision-log.ts'
import { Demand } from './pool/demand.ts'
import { DriverStore } from './pool/driver-store.ts'
import type { PoolEnvironment } from './pool/environment.ts'
import { Finder } from './pool/finder.ts'
import { Granter } from './pool/granter.ts'
import { Launcher } from './pool/launcher.ts'
import { Opener } from './pool/opener.ts'
import { Preparer } from './pool/preparer.ts'
import { Questions } from './pool/questions.ts'
import { Relauncher } from './pool/relauncher.ts'
import { Retirer } from './pool/retirer.ts'
import { Prospects } from './pool/prospects.ts'
import { RoomMaker } from './pool/room-maker.ts'
import { Roster } from './pool/roster.ts'
import { Settler } from './pool/settler.ts'
import { StartGate } from './pool/start-gate.ts'
import { Statistics } from './pool/statistics.ts'
import { StrategyNews } from './pool/strategy-news.ts'
import { Turnstile } from './pool/turnstile.ts'
import { Reconfigurer } from './reconfigurer.ts'
import { HostProcesses } from './process/host-processes.ts'
import { createCensus } from './process/census/census.ts'
import { HealthWatch } from './watch/health.ts'
import { Lifetimes } from './watch/lifetimes.ts'
import { MemoryBudget } from './watch/memory-budget.ts'
import { Scaling } from './watch/scaling.ts'
import { LeaseLimit } from './watch/lease-limit.ts'
import { SilenceWatch } from './watch/silence.ts'
import { UsageWatch } from './watch/usage.ts'

/** How long the last look of close() may take at least, be timeouts.close ever so short. */
const LAST_LOOK_MS = 2_000

/** What a pool takes from the world around it. */
export interface PoolWorld {
  clock?: Clock
  random?: Random
  spawner?: Spawner
}

export interface PoolHost {
  readonly pool: Pool
  /** Makes the config's gateway; `overrides` win over its options. It listens when it is told to. */
  gateway(overrides?: Readonly<Record<string, unknown>>): Promise<Gateway>
}

/**
 * Makes a pool. It starts its first sessions at once and does not wait for them: `pool.ready()` does.
 * @throws GreenroomError `CONFIG_INVALID` with every problem of the config, `PLUGIN_INVALID`, `PLUGIN_FAILED`, `PEER_MISSING`.
 */
export async function createPool(config: PoolConfig): Promise<Pool> {
  return (await createPoolHost(config)).pool
}

/** Makes a pool, and what a server needs beside it. The config may come from JSON or plain JavaScript: it is checked. */
export async function createPoolHost(config: unknown, world: PoolWorld = {}): Promise<PoolHost> {
  const { clock = systemClock, random = systemRandom } = world
  const hooks = createHooks()
  const report = (problem: unknown, where: string): void => hooks.problem.call(problem, where)
  const processes = world.spawner ? undefined : new HostProcesses({ clock, report })
  const spawner = world.spawner ?? processes!.spawner
  const container = createContainer()
  provide(container, CLOCK, [], () => clock)
  provide(container, RANDOM, [], () => random)
  provide(container, SPAWNER, [], () => spawner)
  let made: Pool | undefined
  provide(container, POOL, [], () => {
    if (made) return made
    throw new GreenroomError('PLUGIN_INVALID', 'The pool was asked for before it was made: ask later than in apply or create')
  })
  const registry = new StrategyRegistry()
  registerBundled(registry)
  const host = new PluginHost({ hooks, container, registry, clock })
  const decisions = new DecisionLog(clock, hooks)
  const context: StrategyContext = { clock, random, container, report, explain: (reason, session) => decisions.explain(reason, session) }

  try {
    const resolved = await resolveConfig(config, host)
    await processes?.open(resolved.settings)
    const houses = await build(resolved, { hooks, registry, context, spawner, decisions })
    host.seal()
    const reconfigurer = new Reconfigurer({ config: config as Record<string, unknown>, houses, host, context })
    const pool = made = open(houses, reconfigurer, async () => {
      await host.close()
      await processes?.close()
    })
    return {
      pool,
      gateway: async (overrides) => registry.create(await resolveGateway(resolved.gateway, host, overrides), context),
    }
  } catch (error) {
    await host.close()
    await processes?.close()
    throw error
  }
}

interface Parts {
  readonly hooks: PoolEnvironment['hooks']
  readonly registry: StrategyRegistry
  readonly context: StrategyContext
  readonly spawner: Spawner
  readonly decisions: DecisionLog
}

async function build({ settings, strategies }: ResolvedConfig, { hooks, registry, context, spawner, decisions }: Parts): Promise<Houses> {
  const { clock, random, report } = context
  const onError = (error: unknown): void => report(error, 'a time-out')
  const background = new Timeouts(clock, { onError, background: true })
  const driver = await registry.create(strategies.driver, context)
  const env: PoolEnvironment = {
    id: Math.floor(random.next() * 36 ** 4).toString(36).padStart(4, '0'),
    settings,
    clock,
    random,
    hooks,
    timeouts: new Timeouts(clock, { onError }),
    driver,
    spawner,
    bindsAtSpawn: bindsAtSpawn(settings, driver),
    balancer: await registry.create(strategies.balancer, context),
    scaler: await registry.create(strategies.scaler, context),
    queue: (await registry.create(strategies.queue, context)) as PoolEnvironment['queue'],
    evictor: await registry.create(strategies.evictor, context),
    restart: await registry.create(strategies.restart, context),
    store: new DriverStore(await registry.create(strategies.store, context), strategies.driver.name),
    statistics: new Statistics(clock),
    decisions,
    report,
  }

  const roster = new Roster(hooks)
  const news = new StrategyNews(env, roster)
  news.balancerChosen()
  news.evictorChosen()
  const demand = new Demand(report)
  const gate = new StartGate(env)
  const retirer = new Retirer(env, roster, gate)
  const settler = new Settler(env, roster, retirer)
  const capacity = new Capacity(env)
  const births = new Births(env, roster)
  const opener = new Opener(env, retirer, settler, new Questions(env, settler))
  const launcher = new Launcher({ env, roster, gate, retirer, settler, opener, births, capacity })
  const preparer = new Preparer(env, retirer, new Relauncher(env, opener))
  const finder = new Finder(env, roster, preparer)
  const leaseLimit = new LeaseLimit({ env, retirer, settler, background })
  const granter = new Granter({ env, roster, settler, preparer, demand, listener: leaseLimit })
  const roomMaker = new RoomMaker(env, roster, retirer, gate, capacity)
  const prospects = new Prospects(roster, settler, env.settings.isolation === 'none')
  const allocator = new Allocator({ env, roster, finder, granter, roomMaker, settler, prospects, gate, births, demand })
  const admission = strategies.admission && await registry.create(strategies.admission, context)
  const turnstile = new Turnstile(env, admission, (request, error) => allocator.refuse(request, error))
  const scaling = new Scaling({ env, roster, capacity, launcher, retirer, roomMaker, gate, line: allocator.line, demand, settler })

  roster.listen(leaseLimit, false)
  const silence = new SilenceWatch(env, retirer, background)
  settler.listen(silence)
  roster.listen(silence, false)
  const lifetimes = new Lifetimes({ env, roster, retirer, settler, demand, background })
  roster.listen(lifetimes, false)
  const health = new HealthWatch({ env, roster, retirer, settler })
  if (strategies.health && settings.health) health.use({ ...settings.health, check: await registry.create(strategies.health, context) })
  roster.listen(health, false)
  let usage: UsageWatch | undefined
  if (strategies.metrics && settings.metrics) {
    const sampler = await registry.create(strategies.metrics, context)
    const limits = new Map(await Promise.all(strategies.limits.map(async (limit) => [limit.name, await registry.create(limit, context)] as const)))
    const budget = new MemoryBudget({ env, roster, retirer, capacity, demand })
    usage = new UsageWatch({
      env, roster, retirer, settler, sampler, limits, census: createCensus(clock), swept: () => budget.swept(), ...settings.metrics,
    })
    roster.listen(usage, false)
  }
  roster.listen(scaling, true)
  // Last: it acts on what the others have taken note of.
  roster.listen(allocator, true)
  const origin = clock.wallTime() - clock.now()
  return { env, roster, capacity, gate, retirer, launcher, allocator, turnstile, news, scaling, lifetimes, health, usage, background, origin }
}

function bindsAtSpawn({ bindAtSpawn, isolation }: PoolSettings, { capabilities }: Driver): boolean {
  if (capabilities.bindsAtSpawn === true && isolation === 'none') {
    const advice = "with isolation 'none' sessions belong to nobody: leave one of the two out"
    throw new GreenroomError('CONFIG_INVALID', `The driver starts every session for one tenant (its folders, say), and ${advice}`)
  }
  return bindAtSpawn || capabilities.bindsAtSpawn === true
}

/** Lets the loops run. */
function open(houses: Houses, reconfigurer: Reconfigurer, closeHost: () => Promise<void>): LivePool {
  const { env, roster, gate, allocator, scaling, usage } = houses
  const pool = new LivePool(houses, reconfigurer, async () => {
    await clearTrees(env)
    await closeStore(env)
    await closeHost()
  })
  roster.listen({ changed: () => pool.noticeChange() }, true)
  allocator.listen(() => pool.noticeChange())
  gate.listen({
    opened: (error) => {
      allocator.breakerOpened(error)
      scaling.breakerOpened(error)
      pool.breakerOpened(error)
    },
    allowed: () => scaling.poke(),
  })
  scaling.start()
  usage?.start()
  return pool
}

/** INV 18: what any session has started is gone, too; or it is reported. */
async function clearTrees({ spawner, clock, settings, report }: PoolEnvironment): Promise<void> {
  const boundMs = Math.max(LAST_LOOK_MS, settings.timeouts.close)
  try {
    await runWithDeadline(() => spawner.clear?.(boundMs), 2 * boundMs, clock, () => new Error('it took too long'))
  } catch (problem) {
    report(problem, 'the last look after the end of all sessions')
  }
}

async function closeStore({ store, clock, settings, report }: PoolEnvironment): Promise<void> {
  try {
    await runWithDeadline(() => store.close?.(), settings.timeouts.close, clock, () => new Error('it took longer than timeouts.close'))
  } catch (problem) {
    report(problem, 'closing the store')
  }
}
