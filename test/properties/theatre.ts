import { definePlugin, isGreenroomError, type Lease, type Pool, type PoolConfig, type SessionView } from '../../src/contracts/index.ts'
import { seededRandom } from '../../src/kernel/system-random.ts'
import { type Behaviour, createInMemoryWorld, type InMemoryAnswer, type InMemoryWorld, wellBehaved } from '../../src/testing/index.ts'

/** What one run is played with. */
export interface Setting {
  readonly seed: number
  readonly size: { readonly min: number; readonly max: number; readonly spare: number; readonly perTenant: number; readonly starting: number }
  readonly isolation: 'tenant' | 'none'
  readonly concurrency: number
  readonly reset: boolean
  readonly bind: boolean
  readonly park: boolean
  readonly maxUses: number | undefined
  readonly total: number | undefined
  readonly queueMax: number
}

export const TIMEOUTS = { start: 500, acquire: 3_000, idle: 10_000, active: 300_000, silence: 2_000, settle: 300, close: 200 } as const
/** All deadlines but those of leases and idleness, the breaker's cool-down and a probe have passed by then. */
export const REST_MS = 8_000

/** One caller of acquire, and what became of it. */
export interface Caller {
  readonly name: string
  readonly tenant: string
  readonly key: string | undefined
  readonly controller: AbortController
  state: 'waiting' | 'served' | 'refused'
  gaveUp: boolean
  /** It has let go of its lease, or has destroyed it. */
  letGo: boolean
  lease: Lease | undefined
  error: unknown
}

/** One request that was made. */
export interface Asked {
  readonly caller: Caller
  readonly controller: AbortController
  settled: boolean
}

/** A real pool in an in-memory world, with books of its own against which the pool is checked. */
export class Theatre {
  readonly setting: Setting
  readonly world: InMemoryWorld
  readonly callers: Caller[] = []
  readonly asked: Asked[] = []
  /** Promises the pool has given that must settle by the end; scale, warm, closeWhere. */
  readonly promised: { what: string; settled: boolean }[] = []
  readonly faults: string[] = []
  pool!: Pool

  private constructor(setting: Setting) {
    const { seed, concurrency, reset, bind, park } = setting
    this.setting = setting
    this.world = createInMemoryWorld({
      random: seededRandom(seed),
      capabilities: {
        concurrency,
        ping: true,
        bind,
        park,
        ...(reset && { resetGuarantees: ['conversation', 'permissions', 'background', 'files', 'environment'] }),
      },
    })
  }

  static async open(setting: Setting): Promise<Theatre> {
    const theatre = new Theatre(setting)
    const { size, isolation, maxUses, total, queueMax } = setting
    const { perTenant, ...others } = size
    const config: Omit<PoolConfig, 'driver'> = {
      size: isolation === 'none' ? others : { ...others, perTenant },
      isolation,
      timeouts: { ...TIMEOUTS, total: total ?? false },
      health: { every: 4_000, timeout: 200 },
      metrics: false,
      queue: { max: queueMax },
      restart: { initial: 50, maxCrashes: 6, within: 5_000, cooldown: 1_000 },
      ...(maxUses !== undefined && { maxUses }),
      plugins: [theatre.#observer()],
    }
    theatre.pool = await theatre.world.createPool(config)
    await theatre.world.clock.settle()
    return theatre
  }

  get communal(): boolean {
    return this.setting.isolation === 'none'
  }

  /** Callers that hold a lease which is not over. */
  get holders(): (Caller & { lease: Lease })[] {
    return this.callers.filter((caller): caller is Caller & { lease: Lease } => caller.lease !== undefined && !caller.lease.signal.aborted)
  }

  get waiters(): Caller[] {
    return this.callers.filter(({ state }) => state === 'waiting')
  }

  acquire(tenant: string, key: string | undefined, timeout: number): void {
    const caller: Caller = {
      name: `c${this.callers.length}`, tenant, key, controller: new AbortController(), state: 'waiting', gaveUp: false, letGo: false, lease: undefined, error: undefined,
    }
    this.callers.push(caller)
    this.pool.acquire({ tenant, ...(key !== undefined && { key }), timeout, signal: caller.controller.signal }).then(
      (lease) => {
        this.fault(caller.gaveUp, `${caller.name} had given up and was served`)
        this.fault(lease.tenant !== tenant || lease.key !== key, `${caller.name} asked for ${tenant}/${key} and got ${lease.tenant}/${lease.key}`)
        caller.state = 'served'
        caller.lease = lease
      },
      (error: unknown) => {
        this.fault(!isGreenroomError(error), `${caller.name} was refused with ${String(error)}`)
        caller.state = 'refused'
        caller.error = error
      },
    )
  }

  release(caller: Caller | undefined): void {
    if (!caller) return
    caller.letGo = true
    caller.lease!.release()
  }

  request(caller: Caller, message: { op: string; [field: string]: unknown }): void {
    const asked: Asked = { caller, controller: new AbortController(), settled: false }
    this.asked.push(asked)
    const wasOver = caller.lease!.signal.aborted
    caller.lease!.request<InMemoryAnswer>(message, { signal: asked.controller.signal }).then(
      ({ notes }) => {
        asked.settled = true
        this.fault(wasOver, `${caller.name}'s lease was over and its request was answered`)
        for (const note of notes) this.#checkNote(note, caller)
      },
      (error: unknown) => {
        asked.settled = true
        this.fault(!isGreenroomError(error), `a request of ${caller.name} failed with ${String(error)}`)
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

  fault(is: boolean, what: string): void {
    if (is) this.faults.push(what)
  }

  /** What must hold after every step. Throws what was found. */
  check(): void {
    const { world, pool, setting } = this
    const stats = pool.getPoolStats()
    const sessions = pool.getSessionMetrics()
    const { max } = setting.size
    this.fault(world.control.peak > max, `${world.control.peak} processes were live at once, size.max is ${max} (INV 9)`)
    this.fault(stats.size < world.control.live, `the pool counts ${stats.size} processes and ${world.control.live} are live`)
    const sum = stats.activeSessions + stats.idleSessions + stats.starting + stats.settling + stats.checking + stats.ending
    this.fault(sum !== stats.size || sessions.length !== stats.size, `the counts add up to ${sum}, the list to ${sessions.length}, size is ${stats.size}`)
    const waiting = this.waiters.length
    const exact = !setting.bind && !setting.park
    this.fault(exact ? stats.waiting !== waiting : stats.waiting > waiting, `the pool counts ${stats.waiting} waiting, ${waiting} are`)
    this.#checkHolders(sessions)
    this.#checkChildren()
    const keys = sessions.filter(({ key }) => key !== undefined).map(({ tenant, key }) => `${tenant}/${key}`)
    this.fault(new Set(keys).size !== keys.length, `a key has two live sessions: ${keys.join(', ')}`)
    this.fail()
  }

  fail(): void {
    if (this.faults.length > 0) throw new Error(`${this.faults.join('\n')}\n${this.describe()}`)
  }

  /** What must hold when all deadlines have passed, everybody behaves, and nobody moves: all that can be served has been (INV 12). */
  checkRest(): void {
    const { pool, setting } = this
    const stats = pool.getPoolStats()
    const sessions = pool.getSessionMetrics()
    const count = (holds: (session: (typeof sessions)[number]) => boolean): number => sessions.filter(holds).length
    for (const { tenant, key, name } of this.waiters) {
      if (key !== undefined && count((session) => session.tenant === tenant && session.key === key && session.status === 'leased') > 0) continue
      const own = count((session) => session.tenant === tenant)
      if (!this.communal && own >= setting.size.perTenant && count((session) => session.tenant === tenant && session.status === 'leased') === own) continue
      const limit = stats.scaling.automatic ? setting.size.max : stats.scaling.target
      if (sessions.length >= limit && count(({ status }) => status === 'leased') === sessions.length) continue
      this.faults.push(`${name} (${tenant}/${key}) waits at rest, and could be served (INV 12)`)
    }
    this.fail()
  }

  /** Everybody behaves from now on. */
  behave(): void {
    Object.assign(this.world.control.behaviour, wellBehaved())
    for (const { behaviour } of this.world.children) Object.assign(behaviour, wellBehaved())
  }

  misbehave(behaviour: Behaviour, how: Partial<Behaviour>): void {
    Object.assign(behaviour, structuredClone(how))
  }

  describe(): string {
    const { pool, world } = this
    const sessions = pool.getSessionMetrics().map(({ sessionId, status, tenant, key, requestCount }) => `  ${sessionId} ${status} ${tenant ?? '-'}/${key ?? '-'} requests ${requestCount}`)
    const callers = this.callers.map(({ name, tenant, key, state, lease, error }) => `  ${name} ${tenant}/${key ?? '-'} ${state} ${lease ? `${lease.sessionId}#${lease.generation}${lease.signal.aborted ? ' over' : ''}` : ''}${isGreenroomError(error) ? error.code : ''}`)
    const { waiting, scaling, breaker, state } = pool.getPoolStats()
    const decisions = pool.decisions().slice(-25).map(({ at, kind, reason, sessionId }) => `  ${at % 1_000_000_000} ${kind} ${sessionId ?? ''} ${reason}`)
    return [
      `pool ${state}, waiting ${waiting}, target ${scaling.target} (${scaling.reason}), breaker ${breaker}, live ${world.control.live}, now ${world.clock.now()}`,
      'sessions:', ...sessions, 'callers:', ...callers, 'last decisions:', ...decisions,
    ].join('\n')
  }

  #observer() {
    return definePlugin({
      name: 'observer',
      apply: ({ hooks }) => {
        hooks.acquired.tap('observer', (session, request) => this.#granted(session, request))
        hooks.problem.tap('observer', (problem, where) => {
          const expected = problem instanceof Error && /program's \w+ failed|took longer than|ENOENT/.test(problem.message)
          this.fault(!expected, `problem in ${where}: ${problem instanceof Error ? problem.stack : String(problem)}`)
        })
      },
    })
  }

  /** In the very moment of a grant. */
  #granted(session: SessionView, { tenant, key }: { tenant: string; key: string | undefined }): void {
    const program = this.world.control.program(session.id)
    const shared = session.outstanding > 1
    if (!shared) for (const note of program.notes) this.#checkNote(note, { name: 'the next', tenant, key })
    this.fault(!shared && program.unanswered > 0, `${session.id} was lent with ${program.unanswered} unanswered requests (INV 1)`)
    const isOwn = session.tenant === tenant && session.key === key
    this.fault(!isOwn && !(this.communal && key === undefined), `${session.id} of ${session.tenant}/${session.key} was given to ${tenant}/${key}`)
  }

  #checkHolders(sessions: readonly { sessionId: string; status: string }[]): void {
    const held = new Map<string, (Caller & { lease: Lease })[]>()
    for (const holder of this.holders) held.set(holder.lease.sessionId, [...(held.get(holder.lease.sessionId) ?? []), holder])
    for (const [sessionId, holders] of held) {
      const keyed = holders.some(({ key }) => key !== undefined)
      const slots = this.communal || keyed ? this.setting.concurrency : 1
      this.fault(holders.length > slots, `${sessionId} is held by ${holders.map(({ name }) => name).join(' and ')}, it has ${slots} slots (INV 3)`)
      const status = sessions.find((session) => session.sessionId === sessionId)?.status
      this.fault(status !== 'leased', `${sessionId} is held and its state is ${status}`)
    }
    for (const { name, lease, letGo } of this.callers) {
      const reason: unknown = lease?.signal.aborted ? lease.signal.reason : undefined
      this.fault(isGreenroomError(reason, 'LEASE_REVOKED') && !letGo, `${name}'s lease was released by somebody else (INV 3)`)
    }
    for (const { sessionId, status } of sessions) {
      const idleAndBusy = status === 'idle' && this.world.control.program(sessionId).unanswered > 0
      this.fault(idleAndBusy, `${sessionId} is idle and has not answered (INV 1)`)
      const preparing = this.setting.bind || this.setting.park
      this.fault(status === 'leased' && !held.has(sessionId) && !preparing, `${sessionId} is leased and nobody holds it`)
    }
  }

  #checkChildren(): void {
    for (const { everWritten, bindings, sessionId } of this.world.programs) {
      const tenants = new Set(everWritten.map((note) => note.split('/')[0]))
      this.fault(!this.communal && tenants.size > 1, `${sessionId} served ${[...tenants].join(' and ')} (INV 2)`)
      this.fault(bindings.length > 1, `${sessionId} was bound ${bindings.length} times`)
    }
  }

  #checkNote(note: string, { name, tenant, key }: { name: string; tenant: string; key: string | undefined }): void {
    if (this.communal) return
    // A one-off finds nothing but its own; a key finds what was written for the key.
    const own = key === undefined ? `${tenant}/-/${name}` : `${tenant}/${key}/`
    this.fault(!note.startsWith(own), `${name} (${tenant}/${key ?? '-'}) could read ${note} (INV 2)`)
  }

  /** True when the caller's lease has another request under way, or one that it gave up and the program still works on. */
  #isBusy({ lease }: Caller, than: Asked): boolean {
    return this.asked.some((asked) => asked !== than && asked.caller.lease?.sessionId === lease!.sessionId && (asked.caller.lease === lease || !this.communal))
  }
}
