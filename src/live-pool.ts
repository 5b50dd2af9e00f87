import {
  type AcquireOptions, type AcquireRequest, DEFAULT_TENANT, type Decision, type Duration, GreenroomError, type Lease, messageOf, parseDuration, type Pool,
  type PoolStats, type Reconfiguration, type SessionMetrics, type SessionView,
} from './contracts/index.ts'
import type { Houses } from './houses.ts'
import { Errand } from './pool/errand.ts'
import type { PooledLease } from './pool/lease.ts'
import type { Session } from './pool/session.ts'
import type { Taker, Terms } from './pool/waiting-line.ts'
import { poolStats, sessionMetrics } from './pool-report.ts'
import type { Reconfigurer } from './reconfigurer.ts'

const LONGEST_NAME = 1_024

interface Resolvers {
  resolve(): void
  reject(error: GreenroomError): void
}

/** The pool as its users see it: checks what they pass in, and asks the houses behind. */
export class LivePool implements Pool {
  readonly #houses: Houses
  readonly #reconfigurer: Reconfigurer
  readonly #closeHost: () => Promise<void>
  #state: 'open' | 'draining' | 'closed' = 'open'
  #closing: Promise<void> | undefined
  /** Who waits for something that a change of a session may bring about. */
  readonly #watchers = new Set<() => void>()
  readonly #readyWaiters = new Set<Resolvers>()

  constructor(houses: Houses, reconfigurer: Reconfigurer, closeHost: () => Promise<void>) {
    this.#houses = houses
    this.#reconfigurer = reconfigurer
    this.#closeHost = closeHost
  }

  /** Called at every change of a session, and when somebody stopped waiting. */
  noticeChange(): void {
    if (this.#watchers.size === 0) return
    for (const watcher of this.#watchers) watcher()
  }

  breakerOpened(error: GreenroomError): void {
    for (const { reject } of this.#readyWaiters) reject(error)
    this.#readyWaiters.clear()
  }

  acquire(options: AcquireOptions = {}): Promise<Lease> {
    return this.#acquire(options)
  }

  use<T>(work: (lease: Lease) => Promise<T> | T): Promise<T>
  use<T>(options: AcquireOptions, work: (lease: Lease) => Promise<T> | T): Promise<T>
  async use<T>(...args: [(lease: Lease) => Promise<T> | T] | [AcquireOptions, (lease: Lease) => Promise<T> | T]): Promise<T> {
    const [options, work] = args.length === 1 ? [{}, args[0]] : args
    if (typeof work !== 'function') throw new GreenroomError('ARGUMENT_INVALID', 'use(options, work): work must be a function that takes the lease')
    const lease = await this.#acquire(options)
    try {
      return await work(lease)
    } finally {
      lease.release()
    }
  }

  request<T = unknown>(message: unknown, options: AcquireOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { clock } = this.#houses.env
      const deadline = options.timeout === undefined ? Infinity : clock.now() + parseDuration(options.timeout)
      const errand = new Errand({ message, signal: options.signal, deadline, clock, resolve: resolve as (answer: unknown) => void, reject })
      this.#acquire(options, errand)?.then((lease) => errand.granted(lease), reject)
    })
  }

  ready(): Promise<void> {
    const { roster, env, gate } = this.#houses
    const isReady = (): boolean => roster.staying - roster.counts.starting >= env.settings.size.min
    if (isReady()) return Promise.resolve()
    if (this.#state === 'closed') return Promise.reject(closedError())
    if (gate.state === 'open') return Promise.reject(gate.breakerError())
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#readyWaiters.add(waiter)
      this.#watchUntil(isReady, () => {
        this.#readyWaiters.delete(waiter)
        resolve()
      })
    })
  }

  scale(size: number): Promise<void> {
    return this.#state === 'open' ? this.#houses.scaling.scale(size) : Promise.reject(this.#notOpen())
  }

  autoScale(on: boolean): void {
    if (typeof on !== 'boolean') throw new GreenroomError('ARGUMENT_INVALID', 'autoScale(on): on must be true or false')
    if (this.#state !== 'open') throw this.#notOpen()
    this.#houses.scaling.autoScale(on)
  }

  warm(count: number, { tenant }: { tenant?: string } = {}): Promise<number> {
    const invalid = (advice: string): Promise<never> => Promise.reject(new GreenroomError('ARGUMENT_INVALID', `warm(${count}): ${advice}`))
    if (!Number.isInteger(count) || count < 0) return invalid('give a whole number of sessions')
    if (tenant !== undefined && !isName(tenant)) return invalid(nameAdvice('tenant'))
    if (tenant !== undefined && !this.#houses.env.bindsAtSpawn) return invalid('spares are for whoever comes first here: leave the tenant out, or set bindAtSpawn')
    return this.#state === 'open' ? this.#houses.scaling.warm(count, tenant) : Promise.reject(this.#notOpen())
  }

  async reconfigure(changes: Reconfiguration): Promise<void> {
    await this.#reconfigurer.apply(changes, () => {
      if (this.#state !== 'open') throw this.#notOpen()
    })
    // Who waits for size.min may have it now.
    this.noticeChange()
  }

  async closeWhere(predicate: (session: SessionView) => boolean): Promise<number> {
    const { roster, retirer } = this.#houses
    const chosen = [...roster.sessions.values()].filter((session) => session.state !== 'ending' && predicate(session))
    await Promise.all(chosen.map((session) => retirer.retire(session, 'requested')))
    return chosen.length
  }

  getPoolStats(): PoolStats {
    return poolStats(this.#houses, this.#state)
  }

  getSessionMetrics(): SessionMetrics[] {
    return sessionMetrics(this.#houses)
  }

  decisions(): Decision[] {
    return this.#houses.env.decisions.read()
  }

  drain(): Promise<void> {
    if (this.#state === 'closed') return this.#closing ?? Promise.resolve()
    this.#state = 'draining'
    return this.#untilUnused()
  }

  close(options: { grace?: Duration } = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #acquire(options: AcquireOptions): Promise<PooledLease>
  /** `undefined` when the taker hears of it. */
  #acquire(options: AcquireOptions, taker: Taker): Promise<PooledLease> | undefined
  #acquire(options: AcquireOptions, taker?: Taker): Promise<PooledLease> | undefined {
    const { allocator, env, turnstile } = this.#houses
    let request: AcquireRequest
    let terms: Terms
    try {
      request = readRequest(options)
      terms = {
        timeoutMs: options.timeout === undefined ? env.settings.timeouts.acquire : parseDuration(options.timeout),
        signal: options.signal,
        handlers: readHandlers(options.handlers),
      }
    } catch (problem) {
      return Promise.reject(problem)
    }
    try {
      const refusal = this.#state === 'open' ? this.#refusal(request, options.signal) : this.#notOpen()
      if (refusal) return Promise.reject(allocator.refuse(request, refusal))
      if (turnstile.admission) return turnstile.pass(request, () => allocator.acquire(request, terms))
      if (!taker) return allocator.acquire(request, terms)
      allocator.serve(request, terms, taker)
      return undefined
    } catch (problem) {
      return Promise.reject(allocator.refuse(request, asStrategyFailure(problem)))
    }
  }

  #refusal(request: AcquireRequest, signal: AbortSignal | undefined): GreenroomError | undefined {
    if (signal?.aborted) return new GreenroomError('ACQUIRE_ABORTED', 'the signal was aborted before anything was begun', { cause: signal.reason })
    const { admit } = this.#houses.env.hooks
    if (!admit.isUsed()) return undefined
    const reason = admit.call(request)
    return reason === undefined ? undefined : new GreenroomError('REFUSED', String(reason))
  }

  #notOpen(): GreenroomError {
    return this.#state === 'draining' ? new GreenroomError('POOL_DRAINING', 'the pool is draining and admits nobody new') : closedError()
  }

  async #close({ grace }: { grace?: Duration }): Promise<void> {
    const { env, roster, allocator, launcher, retirer, scaling, gate, usage, background } = this.#houses
    const graceMs = readGrace(grace) ?? env.settings.timeouts.close
    this.#state = 'closed'
    const error = closedError()
    const { persistent = false } = env.store
    const end = (session: Session): Promise<void> => (persistent ? retirer.park(session, 'closed', error) : retirer.retire(session, 'closed', error))
    launcher.close()
    scaling.close(error)
    this.breakerOpened(error)
    allocator.rejectWaiters(error)
    // What serves nobody is ended now; leases have their grace.
    for (const session of roster.sessions.values()) {
      if (session.state !== 'leased' && session.state !== 'settling') void end(session)
    }
    await this.#within(graceMs, this.#untilUnused())
    await Promise.all([...roster.sessions.values()].map(end))
    usage?.close()
    gate.close()
    env.timeouts.clear()
    background.clear()
    this.#watchers.clear()
    await this.#closeHost()
    if (env.hooks.closed.isUsed()) env.hooks.closed.call()
  }

  #untilUnused(): Promise<void> {
    const { roster, allocator } = this.#houses
    return new Promise((resolve) => this.#watchUntil(() => roster.counts.leased + roster.counts.settling === 0 && allocator.line.size === 0, resolve))
  }

  #watchUntil(condition: () => boolean, done: () => void): void {
    if (condition()) return done()
    const watcher = (): void => {
      if (!condition()) return
      this.#watchers.delete(watcher)
      done()
    }
    this.#watchers.add(watcher)
  }

  #within(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#houses.env.clock.setTimer(resolve, ms)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function readRequest(options: AcquireOptions): AcquireRequest {
  const { tenant = DEFAULT_TENANT, key, priority = 0 } = options
  if (!isName(tenant)) throw new GreenroomError('ARGUMENT_INVALID', nameAdvice('tenant'))
  if (key !== undefined && !isName(key)) throw new GreenroomError('ARGUMENT_INVALID', nameAdvice('key'))
  if (typeof priority !== 'number' || Number.isNaN(priority)) throw new GreenroomError('ARGUMENT_INVALID', 'priority must be a number')
  return { tenant, key, priority }
}

function readHandlers(handlers: AcquireOptions['handlers']): AcquireOptions['handlers'] {
  if (handlers === undefined) return undefined
  for (const [method, handler] of Object.entries(handlers)) {
    if (typeof handler !== 'function') throw new GreenroomError('ARGUMENT_INVALID', `handlers['${method}'] must be a function`)
  }
  return handlers
}

function nameAdvice(what: string): string {
  return `${what} must be a text of 1 to ${LONGEST_NAME} characters`
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME
}

/** `close` never rejects: a grace that makes no sense is the default one. */
function readGrace(grace: Duration | undefined): number | undefined {
  try {
    return grace === undefined ? undefined : parseDuration(grace)
  } catch {
    return undefined
  }
}

function asStrategyFailure(problem: unknown): GreenroomError {
  return problem instanceof GreenroomError ? problem : new GreenroomError('STRATEGY_FAILED', `a strategy or deciding hook failed: ${messageOf(problem)}`, { cause: problem })
}

function closedError(): GreenroomError {
  return new GreenroomError('POOL_CLOSED', 'the pool is closed')
}
