import { SyncBailHook, SyncHook, SyncWaterfallHook, type HookInterceptor, type Tap } from 'tapable'
import {
  GreenroomError, type AcquireRequest, type Decision, type EndReason, type PoolHooks, type RequestOutcome, type Served,
  type SessionState, type SessionView, type SpawnSpec, type Usage,
} from '../contracts/index.ts'
import { warnOnce } from './warn-once.ts'

type Report = (problem: unknown, where: string) => void
type RegisteredTap = Tap & { type: 'sync' | 'async' | 'promise'; fn: unknown }

/** What all tapable hooks have in common, whatever their arguments. */
interface AnyHook {
  readonly name: string | undefined
  readonly taps: readonly unknown[]
  isUsed: () => boolean
  tap: (options: never, fn: never) => void
  intercept: (interceptor: never) => void
}

/**
 * The hooks of one pool.
 *
 * Taps of observers are isolated: what one throws, or rejects with later, goes to `problem`, and the others are called all the same.
 * Deciders throw through, and a promise from one is such an error, so that an async check never passes for a pass (fail closed).
 * `problem` may be called by anybody at any time; when nobody taps it, what it is told goes to `warn`.
 */
export function createHooks(warn: Report = warnOnce): PoolHooks {
  const problem = new SyncHook<[unknown, string]>(['problem', 'where'], 'problem')
  const report: Report = (error, where) => problem.call(error, where)
  const observer = <H extends AnyHook>(hook: H): H => guard(hook, (tap) => isolated(tap, hook.name, report))
  const decider = <H extends AnyHook>(hook: H): H => guard(hook, (tap) => decisive(tap, hook.name))

  guard(problem, (tap) => unrepeated(isolated(tap, 'problem', warn), warn))
  // Holds until the first tap, for which tapable compiles `call` anew. So the hook is of use without a tap as well.
  problem.call = warn
  problem.isUsed = () => true

  return {
    admit: decider(new SyncBailHook<[AcquireRequest], string | undefined>(['request'], 'admit')),
    spawn: decider(new SyncWaterfallHook<[SpawnSpec, { readonly sessionId: string }]>(['spec', 'session'], 'spawn')),
    state: observer(new SyncHook<[SessionView, SessionState | undefined, SessionState, EndReason | undefined]>(['session', 'from', 'to', 'reason'], 'state')),
    acquired: observer(new SyncHook<[SessionView, AcquireRequest, { readonly served: Served; readonly waitMs: number }]>(['session', 'request', 'facts'], 'acquired')),
    released: observer(new SyncHook<[SessionView, { readonly heldMs: number }]>(['session', 'facts'], 'released')),
    requesting: observer(new SyncHook<[SessionView, { readonly turn: object }]>(['session', 'facts'], 'requesting')),
    request: observer(new SyncHook<[SessionView, { readonly outcome: RequestOutcome; readonly durationMs: number; readonly turn: object }]>(['session', 'facts'], 'request')),
    refused: observer(new SyncHook<[AcquireRequest, GreenroomError]>(['request', 'error'], 'refused')),
    decision: observer(new SyncHook<[Decision]>(['decision'], 'decision')),
    usage: observer(new SyncHook<[SessionView, Usage]>(['session', 'usage'], 'usage')),
    problem,
    closed: observer(new SyncHook<[]>([], 'closed')),
  }
}

/** From now on nobody can tap the hooks any more: whoever tries gets GreenroomError `PLUGIN_INVALID`. */
export function sealHooks(hooks: PoolHooks): void {
  for (const hook of Object.values(hooks) as AnyHook[]) {
    hook.tap = hook.intercept = () => {
      throw new GreenroomError('PLUGIN_INVALID', `The hook "${hook.name ?? ''}" can be tapped only in a plugin's apply: the pool is made already`)
    }
  }
}

/**
 * Has every tap of `hook` wrapped. tapable holds a hook for used as soon as it has an interceptor, such as the one that does this;
 * here only taps count, so that `isUsed()` is a true guard. For the same reason, and because nothing isolates one, plugins get no
 * interceptors that run on a call: they tap.
 */
function guard<H extends AnyHook>(hook: H, wrap: (tap: RegisteredTap) => RegisteredTap): H {
  const interceptor = { register: wrap } as HookInterceptor<unknown[], unknown>
  hook.intercept(interceptor as never)
  // Asked many times a turn: the list itself, which tapable never replaces, as the hooks are of several shapes.
  const { taps } = hook
  hook.isUsed = () => taps.length > 0
  hook.intercept = () => {
    throw new GreenroomError('PLUGIN_INVALID', `The hook "${hook.name ?? ''}" takes no interceptors: use tap('name', function)`)
  }
  return hook
}

function isolated(tap: RegisteredTap, hook: string | undefined, report: Report): RegisteredTap {
  const fn = tap.fn as (...values: unknown[]) => unknown
  const failed = (error: unknown): void => report(error, `hook ${hook ?? ''}, tap ${tap.name}`)
  return {
    ...tap,
    fn: (...values: unknown[]): void => {
      try {
        const result = fn(...values)
        if (isThenable(result)) Promise.resolve(result).catch(failed)
      } catch (error) {
        failed(error)
      }
    },
  }
}

function decisive(tap: RegisteredTap, hook: string | undefined): RegisteredTap {
  const fn = tap.fn as (...values: unknown[]) => unknown
  return {
    ...tap,
    fn: (...values: unknown[]): unknown => {
      const result = fn(...values)
      if (!isThenable(result)) return result
      // Nobody waits for it, so that its rejection must not become an unhandled one.
      Promise.resolve(result).catch(() => undefined)
      throw new GreenroomError('STRATEGY_FAILED', `The tap "${tap.name}" of the hook "${hook ?? ''}" returned a promise: deciders are synchronous`)
    },
  }
}

/** A tap of `problem` that causes a problem is not told of that one: it would go on for ever. */
function unrepeated(tap: RegisteredTap, warn: Report): RegisteredTap {
  const fn = tap.fn as (problem: unknown, where: string) => void
  let busy = false
  return {
    ...tap,
    fn: (problem: unknown, where: string): void => {
      if (busy) return warn(problem, where)
      busy = true
      try {
        fn(problem, where)
      } finally {
        busy = false
      }
    },
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
