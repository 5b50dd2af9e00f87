import { isGreenroomError, type Pool, type PoolConfig, type SessionMetrics, type Usage, type UsageSampler } from '../../src/contracts/index.ts'
import { definePlugin, z } from '../../src/contracts/index.ts'
import { seededRandom } from '../../src/kernel/system-random.ts'
import { type Behaviour, createInMemoryWorld, type InMemoryAnswer, type InMemoryProgram, type InMemoryWorld, wellBehaved } from '../../src/testing/index.ts'
import { type Asked, type Caller, type Holder, isHolder } from './caller.ts'
import { MOOD, Moods } from './moods.ts'
import { Observer } from './observer.ts'
import { HEALTH, MEMORY, METRICS_EVERY, type Setting, TIMEOUTS } from './setting.ts'
import { checkNote, checkStep } from './step-checks.ts'

/** What the pool may report while programs misbehave as they do here. */
const EXPECTED_PROBLEM = /program's \w+ failed|took (longer|too long)|ENOENT/

const STRATEGIES = {
  balancer: 'moody', evictor: 'moody', scaler: 'moody', health: { use: 'moody', ...HEALTH },
  restart: { use: 'moody', initial: 50, maxCrashes: 6, within: 5_000, cooldown: 1_000 },
} as const

/** What may change while the pool runs. */
export const RECONFIGURATIONS = ['balancer', 'evictor', 'scaler', 'health', 'restart', 'fair', 'fifo', 'priority', 'room for one more'] as const

/** A real pool in an in-memory world, with books of its own against which the pool is checked. */
export class Theatre {
  /** What is true now: reconfigure changes it. */
  setting: Setting
  readonly world: InMemoryWorld
  readonly moods: Moods
  readonly observer: Observer
  readonly callers: Caller[] = []
  readonly asked: Asked[] = []
  /** Promises the pool has given that must settle by the end; scale, warm, closeWhere. */
  readonly promised: { what: string; settled: boolean }[] = []
  readonly faults: string[] = []
  /** What the last sweep has measured, by pid. */
  measured: ReadonlyMap<number, Usage> = new Map()
  /** Calls of pool.request under way. */
  oneShots = 0
  closed = false
  /** Commands played so far. */
  played = 0
  pool!: Pool
  #oneShotCount = 0

  private constructor(setting: Setting) {
    const { seed, concurrency, reset, bind, park, resumesAtSpawn } = setting
    this.setting = setting
    this.world = createInMemoryWorld({
      random: seededRandom(seed),
      capabilities: {
        concurrency,
        ping: true,
        bind,
        park,
        resumesAtSpawn,
        ...(reset && { resetGuarantees: ['conversation', 'permissions', 'background', 'files', 'environment'] }),
      },
    })
    this.observer = new Observer(this)
    this.moods = new Moods(setting.moody, (where, answer) => this.observer.answered(where, answer))
  }

  static async open(setting: Setting): Promise<Theatre> {
    const theatre = new Theatre(setting)
    const { size, isolation, bindAtSpawn, maxUses, total, active, queue, queueMax, measured } = setting
    const { perTenant, ...others } = size
    // The strategies are the default ones; `moody` gives them moods, for the settings in which they may have any.
    const config: unknown = {
      size: isolation === 'none' ? others : { ...others, perTenant },
      isolation,
      bindAtSpawn,
      timeouts: { ...TIMEOUTS, total: total ?? false, active },
      ...STRATEGIES,
      store: 'moody',
      metrics: measured ? { use: 'moody', every: METRICS_EVERY } : false,
      ...(measured && { limits: { moody: MEMORY } }),
      queue: { use: `moody-${queue}`, max: queueMax },
      ...(maxUses !== undefined && { maxUses }),
      plugins: [theatre.observer.plugin, theatre.moods.plugin, theatre.#scale()],
    }
    theatre.pool = await theatre.world.createPool(config as Omit<PoolConfig, 'driver'>)
    await theatre.world.clock.settle()
    return theatre
  }

  get communal(): boolean {
    return this.setting.isolation === 'none'
  }

  /** Callers that hold a lease which is not over. */
  get holders(): Holder[] {
    return this.callers.filter(isHolder).filter(({ lease }) => !lease.signal.aborted)
  }

  /** The program of a session; the last, where it was started anew. */
  program(sessionId: string): InMemoryProgram {
    const program = this.world.programs.findLast((one) => one.sessionId === sessionId)
    if (!program) throw new Error(`${sessionId} has no program`)
    return program
  }

  get waiters(): Caller[] {
    return this.callers.filter(({ state }) => state === 'waiting')
  }

  /** @param tenacious When its lease is taken from it, it asks for another at once, in the middle of whatever took it. */
  acquire(tenant: string, key: string | undefined, options: { timeout: number; priority?: number; aborted?: boolean; tenacious?: boolean }): void {
    const { timeout, priority = 0, aborted = false, tenacious = false } = options
    const caller: Caller = {
      name: `c${this.callers.length}`, tenant, key, priority, controller: new AbortController(), due: this.world.clock.now() + timeout,
      state: 'waiting', gaveUp: aborted, letGo: false, lease: undefined, servedAt: 0, error: undefined,
    }
    if (aborted) caller.controller.abort()
    this.callers.push(caller)
    this.observer.entered(tenant, key)
    this.pool.acquire({ tenant, ...(key !== undefined && { key }), timeout, priority, signal: caller.controller.signal }).then(
      (lease) => {
        this.fault(caller.gaveUp, `${caller.name} had given up and was served (INV 10)`)
        this.fault(lease.tenant !== tenant || lease.key !== key, `${caller.name} asked for ${tenant}/${key} and got ${lease.tenant}/${lease.key}`)
        this.#checkTurn(caller)
        caller.state = 'served'
        caller.servedAt = this.world.clock.now()
        caller.lease = lease
        if (tenacious) this.#clingTo(caller, timeout)
      },
      (error: unknown) => {
        this.fault(!isGreenroomError(error), `${caller.name} was refused with ${String(error)}`)
        caller.state = 'refused'
        caller.error = error
        this.observer.rejected(tenant, key, error)
      },
    )
  }

  /** One request without a lease in hand. */
  oneShot(tenant: string, key: string | undefined, timeout: number): void {
    const name = `o${this.#oneShotCount++}`
    const value = `${tenant}/${key ?? '-'}/${name}/0`
    this.oneShots++
    this.observer.entered(tenant, key)
    this.pool.request<InMemoryAnswer>({ op: 'write', value }, { tenant, ...(key !== undefined && { key }), timeout }).then(
      ({ notes }) => {
        this.oneShots--
        for (const note of notes) checkNote(this, note, { name, tenant, key })
      },
      (error: unknown) => {
        this.oneShots--
        this.fault(!isGreenroomError(error), `${name} failed with ${String(error)}`)
        this.observer.rejected(tenant, key, error)
      },
    )
  }

  /** False as soon as a session is the caller's, even when it has not heard of it yet. */
  isWaiting(caller: Caller): boolean {
    const { tenant, key, state } = caller
    return state === 'waiting' && this.waiters.filter((one) => one.tenant === tenant && one.key === key).length === this.observer.waitingFor(tenant, key)
  }

  /** Aborts in the middle of whatever it is called in. */
  giveUp(caller: Caller): void {
    caller.gaveUp = true
    caller.controller.abort()
  }

  release(caller: Caller | undefined): void {
    if (!caller) return
    caller.letGo = true
    caller.lease!.release()
  }

  destroy(caller: Caller | undefined): void {
    if (!caller) return
    caller.letGo = true
    caller.lease!.destroy('a test')
  }

  /** @param stopAfter Reads a stream: so many messages of it, then leaves; at -1 it stops reading and never leaves. */
  request(caller: Holder, message: { op: string; [field: string]: unknown }, { timeout, stopAfter }: { timeout?: number; stopAfter?: number } = {}): void {
    const now = this.world.clock.now()
    const wasOver = caller.lease.signal.aborted
    const asked: Asked = {
      caller, controller: new AbortController(), at: now, due: timeout === undefined ? Infinity : now + timeout, heard: stopAfter !== -1,
      bytesRead: this.program(caller.lease.sessionId).child.bytesRead, settled: false,
    }
    this.asked.push(asked)
    const options = { signal: asked.controller.signal, ...(timeout !== undefined && { timeout }) }
    const answer = stopAfter === undefined ? caller.lease.request<InMemoryAnswer>(message, options) : this.#read(caller, message, options, stopAfter)
    answer.then(
      (answered) => {
        asked.settled = true
        this.fault(wasOver, `${caller.name}'s lease was over and its request was answered (INV 3)`)
        for (const note of answered?.notes ?? []) checkNote(this, note, caller)
      },
      (error: unknown) => {
        asked.settled = true
        this.fault(!isGreenroomError(error), `a request of ${caller.name} failed with ${String(error)}`)
        this.fault(isGreenroomError(error, 'SESSION_CRASHED') && error.exit === undefined, `${caller.name} was not told how its session crashed (INV 16)`)
        // Each lease makes one request at a time, so that nobody has cause to hear that its session is busy with somebody else's.
        this.fault(isGreenroomError(error, 'SESSION_BUSY') && !this.#isBusy(caller, asked), `${caller.name} was told SESSION_BUSY for what others do`)
      },
    )
  }

  /** Notes that a promise must settle, with a GreenroomError if it rejects. */
  promise(what: string, promise: Promise<unknown>): void {
    const entry = { what, settled: false }
    this.promised.push(entry)
    promise.then(
      () => void (entry.settled = true),
      (error: unknown) => {
        entry.settled = true
        this.fault(!isGreenroomError(error), `${what} rejected with ${String(error)}`)
      },
    )
  }

  /** Another strategy of the same kind, another queue, or room for one more session. */
  reconfigure(what: (typeof RECONFIGURATIONS)[number]): void {
    const before = this.setting
    const { queueMax, size } = before
    let changes: object
    if (what in STRATEGIES) changes = { [what]: STRATEGIES[what as keyof typeof STRATEGIES] }
    else if (what !== 'room for one more') changes = { queue: { use: `moody-${what}`, max: queueMax } }
    else {
      const { max, perTenant } = { max: size.max + 1, perTenant: size.perTenant + 1 }
      changes = { size: { max, ...(!this.communal && { perTenant }) } }
      this.setting = { ...before, size: { ...size, max, perTenant } }
    }
    const done = this.pool.reconfigure(changes)
    // A pool that is closed, or drained, stays as it was; until it has said so, more is allowed than there may be.
    done.catch(() => (this.setting = before))
    this.promise(`reconfigure(${what})`, done)
  }

  /** Does what may throw a GreenroomError, and nothing else. */
  attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.fault(!isGreenroomError(error), `${what} threw ${String(error)}`)
    }
  }

  fault(is: boolean, what: string): void {
    if (is) this.faults.push(what)
  }

  /** What must hold after every step. Throws what was found. */
  check(): void {
    checkStep(this)
    this.fail()
  }

  fail(): void {
    if (this.faults.length > 0) throw new Error(`${[...new Set(this.faults)].join('\n')}\n${this.describe()}`)
  }

  /** Everybody behaves from now on. */
  behave(): void {
    Object.assign(this.world.control.behaviour, wellBehaved())
    for (const { behaviour } of this.world.children) Object.assign(behaviour, wellBehaved())
    this.moods.clear()
  }

  misbehave(behaviour: Behaviour, how: Partial<Behaviour>): void {
    Object.assign(behaviour, structuredClone(how))
  }

  /** A problem that the pool reported. */
  problem(problem: unknown, where: string): void {
    const text = problem instanceof Error ? `${problem.message} ${String(problem.cause)}` : String(problem)
    const expected = EXPECTED_PROBLEM.test(text) || text.includes(MOOD) || this.moods.any
    this.fault(!expected, `problem in ${where}: ${problem instanceof Error ? problem.stack : String(problem)}`)
  }

  describe(): string {
    const { pool, world } = this
    const sessions = pool.getSessionMetrics().map(({ sessionId, status, tenant, key, requestCount }: SessionMetrics) => `  ${sessionId} ${status} ${tenant ?? '-'}/${key ?? '-'} requests ${requestCount}`)
    const callers = this.callers.map(({ name, tenant, key, state, lease, error }) => `  ${name} ${tenant}/${key ?? '-'} ${state} ${lease ? `${lease.sessionId}#${lease.generation}${lease.signal.aborted ? ' over' : ''}` : ''}${isGreenroomError(error) ? error.code : ''}`)
    const { waiting, scaling, breaker, state } = pool.getPoolStats()
    const decisions = pool.decisions().slice(-25).map(({ at, kind, reason, sessionId }) => `  ${at % 1_000_000_000} ${kind} ${sessionId ?? ''} ${reason}`)
    return [
      `pool ${state}, waiting ${waiting}, target ${scaling.target} (${scaling.reason}), breaker ${breaker}, live ${world.control.live}, now ${world.clock.now()}`,
      'sessions:', ...sessions, 'callers:', ...callers, 'last decisions:', ...decisions,
    ].join('\n')
  }

  /** Measures the in-memory sessions, and remembers what it found. */
  #scale() {
    const sampler: UsageSampler = {
      sample: async (pids) => {
        const usages = new Map<number, Usage>()
        for (const { pid, alive, behaviour } of this.world.children) {
          if (pid !== undefined && alive && behaviour.usage && pids.includes(pid)) usages.set(pid, behaviour.usage)
        }
        this.measured = usages
        this.observer.sampled(usages)
        return usages
      },
      forget: () => undefined,
    }
    return definePlugin({
      name: 'scale',
      apply: (kernel) => kernel.strategy('metrics', 'moody', { description: 'In-memory usage, with moods.', options: z.strictObject({}), create: () => this.moods.moody('metrics', sampler) }),
    })
  }

  /** First come, first served, among those who ask for the same. */
  #checkTurn(caller: Caller): void {
    const { bind, park, concurrency } = this.setting
    // Whose session is prepared for longer is served later; those who share one are served within one another.
    if (bind || park || concurrency > 1 || this.moods.any) return
    const passedOver = this.callers.find((one) => one === caller
      || (one.state === 'waiting' && !one.gaveUp && one.tenant === caller.tenant && one.key === caller.key && one.priority === caller.priority))
    this.fault(passedOver !== caller, `${caller.name} was served before ${passedOver?.name}, who came first`)
  }

  #clingTo(caller: Caller, timeout: number): void {
    const { tenant, key } = caller
    caller.lease!.signal.addEventListener('abort', () => {
      // For as long as the theatre is open; the next does not cling, so that there is an end to it.
      if (!caller.letGo) this.acquire(tenant, key, { timeout })
    })
  }

  async #read(caller: Holder, message: unknown, options: { signal: AbortSignal; timeout?: number }, stopAfter: number): Promise<InMemoryAnswer | undefined> {
    const stream = caller.lease.stream<InMemoryAnswer>(message, options)
    let left = stopAfter
    let last: InMemoryAnswer | undefined
    for await (const event of stream) {
      if ('notes' in event) last = event
      if (left-- === 0) break
      if (left < -1) await new Promise<never>(() => undefined)
    }
    return last
  }

  /** True when the caller's lease has another request under way, or one that it gave up and the program still works on. */
  #isBusy({ lease }: Holder, than: Asked): boolean {
    return this.asked.some((asked) => asked !== than && asked.caller.lease.sessionId === lease.sessionId && (asked.caller.lease === lease || !this.communal))
  }
}
