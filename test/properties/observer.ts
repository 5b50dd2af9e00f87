import { definePlugin, type EndReason, isGreenroomError, type Plugin, type RestartDecision, type SessionState, type SessionView, type Usage } from '../../src/contracts/index.ts'
import { HEALTH, MEMORY, TIMEOUTS } from './setting.ts'
import { checkNote } from './step-checks.ts'
import type { Theatre } from './theatre.ts'

/** Ends that are for want of work. */
const IDLE_ENDS: ReadonlySet<EndReason | undefined> = new Set<EndReason | undefined>(['scaled', 'idle', 'evicted'])

/** How long a session may be in a state in which somebody else's code is awaited (INV 20). */
const LONGEST: Readonly<Partial<Record<SessionState, number>>> = {
  starting: TIMEOUTS.start,
  // The turns and the reset; or parking and the store after them.
  settling: 3 * TIMEOUTS.settle,
  checking: HEALTH.timeout,
  // Goodbye, the end of its input, SIGTERM and SIGKILL.
  ending: 4 * TIMEOUTS.close,
}

interface Seen {
  readonly view: SessionView
  state: SessionState
  since: number
  tenant: string | undefined
}

/** More starts than this in one instant: it would go on like that without end, and time stand still. */
const MOST_STARTS = 500

const lineOf = (tenant: string, key: string | undefined): string => `${tenant}/${key ?? ''}`

/** Looks on through the pool's hooks, in the very moment in which things happen. */
export class Observer {
  readonly #theatre: Theatre
  /** Live sessions. */
  readonly sessions = new Map<string, Seen>()
  /** How many wait, by tenant and key. */
  readonly #waiting = new Map<string, { readonly tenant: string; readonly key: string | undefined; count: number }>()
  readonly #refusals = new WeakSet<Error>()
  /** Sessions that were found to use more than the soft limit. */
  readonly #grown = new Set<number>()
  waiting = 0
  #pausedUntil = 0
  /** How many sessions were started at the instant `at`. */
  #starts = { at: 0, count: 0 }

  constructor(theatre: Theatre) {
    this.#theatre = theatre
  }

  get plugin(): Plugin {
    return definePlugin({
      name: 'observer',
      apply: ({ hooks }) => {
        hooks.state.tap('observer', (session, from, to, reason) => this.#changed(session, from, to, reason))
        hooks.acquired.tap('observer', (session, request) => this.#granted(session, request))
        hooks.refused.tap('observer', ({ tenant, key }, error) => {
          this.#refusals.add(error)
          this.#left(tenant, key)
        })
        hooks.problem.tap('observer', (problem, where) => this.#theatre.problem(problem, where))
      },
    })
  }

  /** Somebody is about to call acquire. */
  entered(tenant: string, key: string | undefined): void {
    const line = this.#waiting.get(lineOf(tenant, key))
    if (line) line.count++
    else this.#waiting.set(lineOf(tenant, key), { tenant, key, count: 1 })
    this.waiting++
  }

  /** An acquire was rejected. Only foreign code that fails may keep the hooks from being told before. */
  rejected(tenant: string, key: string | undefined, error: unknown): void {
    const told = error instanceof Error && this.#refusals.has(error)
    // One that names a session came after it was granted, of which the hooks did tell.
    if (!told && isGreenroomError(error, 'STRATEGY_FAILED') && error.sessionId === undefined) this.#left(tenant, key)
  }

  /** What a strategy has answered. */
  answered(where: string, answer: unknown): void {
    if (where !== 'restart.failed') return
    const decision = answer as RestartDecision
    this.#pausedUntil = this.#now + (decision.action === 'retry' ? decision.delayMs : decision.cooldownMs)
  }

  sampled(usages: ReadonlyMap<number, Usage>): void {
    for (const [pid, { memoryBytes = 0 }] of usages) if (memoryBytes >= MEMORY.soft) this.#grown.add(pid)
  }

  /** How many wait for a session of this tenant and key. */
  waitingFor(tenant: string, key: string | undefined): number {
    return this.#waiting.get(lineOf(tenant, key))?.count ?? 0
  }

  /** The pool's own view of a live session. */
  view(sessionId: string): SessionView | undefined {
    return this.sessions.get(sessionId)?.view
  }

  /** What must hold in peace, between two steps. */
  check(): void {
    const now = this.#now
    for (const [id, { view, state, since, tenant }] of this.sessions) {
      this.#fault(view.state !== state, `${id} is ${view.state}, and the last that was told is ${state}`)
      this.#fault(now - since > (LONGEST[state] ?? Infinity), `${id} is ${state} for ${now - since} ms (INV 20)`)
      this.#fault(tenant !== undefined && tenant !== view.tenant && !this.#theatre.communal, `${id} was ${tenant}'s and is ${view.tenant}'s (INV 2)`)
      if (state === 'idle') this.#fault(this.#isAwaited(view), `${id} is idle and somebody waits who may use it (INV 12)`)
    }
  }

  get #now(): number {
    return this.#theatre.world.clock.now()
  }

  #fault(is: boolean, what: string): void {
    this.#theatre.fault(is, what)
  }

  /** Breaks a circle of starts and ends in which the clock is never moved, so that the schedule comes to an end and can be shortened. */
  #countStart(now: number): void {
    if (this.#starts.at !== now) this.#starts = { at: now, count: 0 }
    if (++this.#starts.count < MOST_STARTS) return
    this.#fault(this.#starts.count === MOST_STARTS, `${MOST_STARTS} sessions were started in one instant (INV 31)`)
    this.#theatre.world.control.behaviour.start = { ms: Infinity }
  }

  #changed(view: SessionView, from: SessionState | undefined, to: SessionState, reason: EndReason | undefined): void {
    const { id } = view
    const now = this.#now
    if (from === undefined) {
      this.#fault(now < this.#pausedUntil, `${id} was started during a back-off (INV 7)`)
      this.#countStart(now)
      this.sessions.set(id, { view, state: to, since: now, tenant: undefined })
      return
    }
    const seen = this.sessions.get(id)!
    this.#fault(seen.state !== from, `${id} went from ${from} to ${to}, and the last that was told is ${seen.state}`)
    if (to === 'gone') return void this.sessions.delete(id)
    seen.state = to
    seen.since = now
    seen.tenant ??= view.tenant
    if (to === 'idle') this.#offered(view)
    if (to === 'ending') {
      const holder = this.#theatre.holders.find(({ lease }) => lease.sessionId === id)
      this.#fault(holder !== undefined, `${id} ends and ${holder?.name} holds it (INV 4)`)
      this.#fault(reason === 'limit' && !this.#grown.has(view.pid ?? -1), `${id} was ended for what was not measured (INV 27)`)
      if (from === 'idle' && IDLE_ENDS.has(reason)) this.#fault(this.#isAwaited(view), `${id} was ended (${reason}) and somebody waits who may use it (INV 5)`)
    }
  }

  /** A session that may be lent from now on. */
  #offered({ id, leaseCount, key }: SessionView): void {
    const { setting, communal, world } = this.#theatre
    this.#fault(leaseCount >= (setting.maxUses ?? Infinity), `${id} was lent ${leaseCount} times and is offered again (INV 21)`)
    const program = world.programs.findLast(({ sessionId }) => sessionId === id)
    const dirty = !communal && key === undefined && program !== undefined && program.notes.length > 0
    this.#fault(dirty, `${id} is offered and holds what its last caller wrote: ${program?.notes.join(', ')} (INV 2)`)
  }

  #granted(session: SessionView, { tenant, key }: { tenant: string; key: string | undefined }): void {
    this.#left(tenant, key)
    const { setting, communal, world } = this.#theatre
    const { id } = session
    // What can be resumed only at a spawn may be granted first, and started then.
    const program = world.programs.findLast(({ sessionId }) => sessionId === id)
    this.#fault(program === undefined && !(setting.resumesAtSpawn && key !== undefined), `${id} was lent and has no program`)
    const shared = session.outstanding > 1
    if (!shared) for (const note of program?.notes ?? []) checkNote(this.#theatre, note, { name: 'the next', tenant, key })
    const unanswered = program?.unanswered ?? 0
    this.#fault(!shared && unanswered > 0, `${id} was lent with ${unanswered} unanswered requests (INV 1)`)
    const isOwn = session.tenant === tenant && session.key === key
    this.#fault(!isOwn && !(communal && key === undefined), `${id} of ${session.tenant}/${session.key} was given to ${tenant}/${key} (INV 2)`)
    this.#fault(session.leaseCount > (setting.maxUses ?? Infinity), `${id} was lent for the ${session.leaseCount}th time (INV 21)`)
    this.#fault(this.#now - session.startedAt > (setting.total ?? Infinity), `${id} was lent at the age of ${this.#now - session.startedAt} ms (INV 21)`)
    this.#fault(this.#theatre.closed, `${id} was lent after the pool was closed`)
  }

  #left(tenant: string, key: string | undefined): void {
    const line = this.#waiting.get(lineOf(tenant, key))
    if (line) line.count--
    this.waiting--
  }

  /** True when somebody waits whom this idle session could serve at once. Foreign code that says who may have which may be why it does not. */
  #isAwaited(session: SessionView): boolean {
    if (this.#theatre.moods.had('balancer', 'store', 'hook.admit')) return false
    for (const { tenant, key, count } of this.#waiting.values()) {
      if (count > 0 && this.#couldServe(session, tenant, key)) return true
    }
    return false
  }

  #couldServe(session: SessionView, tenant: string, key: string | undefined): boolean {
    const { communal, setting, moods } = this.#theatre
    if (key !== undefined && session.tenant === tenant && session.key === key) return true
    const live = [...this.sessions.values()].map(({ view }) => view)
    // Who waits for a key that has a session waits for that one.
    if (key !== undefined && live.some((one) => one.tenant === tenant && one.key === key)) return false
    if (communal) return true
    if (session.tenant === undefined) return live.filter((one) => one.tenant === tenant).length < setting.size.perTenant
    if (session.tenant !== tenant || session.key !== undefined) return false
    return key === undefined || session.leaseCount === 0 || !moods.made.store!.has(tenant, key)
  }
}
