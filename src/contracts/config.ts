import type { Guarantee } from './driver.ts'
import type {
  AdmissionOptions, BalancerOptions, DriverOptions, EvictorOptions, GatewayOptions, HealthOptions, LimitOptions, MetricsOptions, Plugin, QueueOptions,
  RestartOptions, ScalerOptions, StoreOptions,
} from './plugin.ts'
import type { Duration, Size } from './units.ts'

/** The type of an empty schema forbids every field, also those of the pool beside it. */
type Fields<Options> = Options extends Record<string, never> ? unknown : Options

/** A strategy by name, or by name with options. */
export type StrategyChoice<Options, Common = unknown> = {
  [Name in keyof Options]: Name | ({ use: Name } & Fields<Options[Name]> & Common)
}[keyof Options]

/** The options of the default strategy of a kind may be given without its name. */
type WithDefault<Options, Default extends keyof Options, Common = unknown> =
  | StrategyChoice<Options, Common>
  | (Fields<Options[Default]> & Common & { use?: Default })

export interface SizeConfig {
  /** Sessions kept at all times. Default 0. */
  min?: number
  /** Live processes at most, starting and ending ones included. Default 10. */
  max?: number
  /**
   * Sessions kept warm ahead of demand, within `max`: a number, or a share such as '20%' of those that are busy or spare, which is 1 at least:
   * with 8 busy ones 2. Default 1.
   */
  spare?: number | `${number}%`
  /** Sessions one tenant may hold at most; only with isolation 'tenant'. Default: `max`. */
  perTenant?: number
  /** Processes that may be starting at the same time: more would only slow each other down. Default: twice the cores, at least 4. */
  starting?: number
  /**
   * Bytes, or text such as '8GB', for all sessions together, by their proportional memory (PSS) where it can be measured. No more are started
   * than it carries, and idle ones leave when the others have grown beyond it; it yields to `min`. Default: no budget.
   */
  memory?: Size
}

/** `false` means never. */
export interface TimeoutsConfig {
  /** From spawn to ready. Default 30s. */
  start?: Duration
  /** Waiting for a session. Default 30s. */
  acquire?: Duration | false
  /** How long a session may lie idle before it is ended. Default 15m. */
  idle?: Duration | false
  /** One lease. Default 10m. */
  active?: Duration | false
  /** No output (stdout or stderr) while a request is under way. Default 2m. */
  silence?: Duration | false
  /** A caller's handler that answers a request of the session; then the driver's default answer is given. Default 5m. */
  answer?: Duration | false
  /** A session's life; drawn once per session from 90–100 % of it. It never cuts a lease short. Default 4h. */
  total?: Duration | false
  /** Between a release and the proof that the session may be offered again: the late end of a turn, the reset, parking. Default 5s. */
  settle?: Duration
  /** Each step of ending a process (goodbye and end of input, SIGTERM, SIGKILL). Default 5s. */
  close?: Duration
}

/** What `createPool` takes and `greenroom.config.*` exports. */
export interface PoolConfig {
  /** The protocol and the program. */
  driver: StrategyChoice<DriverOptions>
  size?: SizeConfig
  /** 'tenant' (default): a session that served one tenant never serves another. 'none': sessions hold nothing of their user, you vouch for it. */
  isolation?: 'tenant' | 'none'
  /**
   * Starts every session for one tenant, so that the driver and the `spawn` hook know whose it is. What is warm is then kept for the tenants
   * that called last. Default: only where the driver must (a folder for each tenant).
   */
  bindAtSpawn?: boolean
  /** What a reset must guarantee to remove before a session goes to another key of its tenant. Default: everything. */
  resetRequires?: readonly Guarantee[]
  /** Leases after which a session is ended. Default: no limit. */
  maxUses?: number
  timeouts?: TimeoutsConfig
  balancer?: StrategyChoice<BalancerOptions>
  scaler?: StrategyChoice<ScalerOptions>
  /**
   * `every`: how often each idle session is looked at, default 30s. `timeout`: for one look, default 5s. `failures`: in a row until it is ended,
   * default 1. `successes`: in a row until earlier failures are forgotten, default 1.
   */
  health?: WithDefault<HealthOptions, 'ping' & keyof HealthOptions, { every?: Duration; timeout?: Duration; failures?: number; successes?: number }> | false
  /**
   * `every`: how often all processes are measured, default 1s. `pssEvery`: how often the proportional memory of each session is, which costs
   * more, default 30s, of five sessions a second at most; `false`: never, and memory limits then judge resident memory.
   */
  metrics?: WithDefault<MetricsOptions, 'pidusage' & keyof MetricsOptions, { every?: Duration; pssEvery?: Duration | false }> | false
  /** Limits by name. */
  limits?: { [Name in keyof LimitOptions]?: LimitOptions[Name] }
  /** Whether one more caller is let in; who is not gets `OVERLOADED` at once. Default: everybody is. */
  admission?: StrategyChoice<AdmissionOptions>
  /** `max`: callers who may wait. Default 10,000. */
  queue?: WithDefault<QueueOptions, 'fair' & keyof QueueOptions, { max?: number }>
  evictor?: StrategyChoice<EvictorOptions>
  restart?: WithDefault<RestartOptions, 'backoff' & keyof RestartOptions>
  store?: StrategyChoice<StoreOptions>
  /** The server of `greenroom serve`. */
  gateway?: WithDefault<GatewayOptions, 'http' & keyof GatewayOptions>
  /**
   * Where the register of live sessions is kept, by which the next start ends what a killed host has left behind; `false`: nowhere. Default:
   * GREENROOM_STATE_DIR, else `greenroom` in the user's folder for state (~/.local/state, or ~/Library/Application Support).
   */
  stateDir?: string | false
  /**
   * Whether sessions are started by the keeper, a small process beside this one: starts don't hold up the event loop, and nothing is left when
   * this process is killed. `false`: this process starts them itself. Default: true, save on Windows, where there is none.
   */
  keeper?: boolean
  plugins?: readonly Plugin[]
}

/**
 * What `Pool.reconfigure` changes while a pool runs. Of `size` and `timeouts`, fields that are not named stay as they are; a strategy is replaced
 * with all its options. `undefined` is the default.
 */
export type Reconfiguration = {
  [Field in 'size' | 'timeouts' | 'maxUses' | 'balancer' | 'scaler' | 'admission' | 'queue' | 'evictor' | 'restart' | 'health']?: PoolConfig[Field] | undefined
}

/** Checks a config's type; returns it unchanged. */
export function defineConfig(config: PoolConfig): PoolConfig {
  return config
}
