import { GreenroomError, type Limit, type SessionState, type Timer, type UsageSampler } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'

/** Measures all sessions in one sweep, now and then, and lets the limits judge what was measured. */
export class UsageWatch implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #sampler: UsageSampler
  readonly #limits: readonly Limit[]
  readonly #everyMs: number
  readonly #closed = new AbortController()
  #next: Timer | undefined

  constructor(deps: {
    env: PoolEnvironment
    roster: Roster
    retirer: Retirer
    settler: Settler
    sampler: UsageSampler
    limits: readonly Limit[]
    everyMs: number
  }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#retirer = deps.retirer
    this.#settler = deps.settler
    this.#sampler = deps.sampler
    this.#limits = deps.limits
    this.#everyMs = deps.everyMs
  }

  start(): void {
    if (this.#closed.signal.aborted) return
    this.#next = this.#env.clock.setTimer(() => void this.#sweep().then(() => this.start()), this.#everyMs, { background: true })
  }

  close(): void {
    this.#next?.cancel()
    this.#closed.abort(new Error('the pool is closed'))
  }

  changed(session: Session, _from: SessionState | undefined, to: SessionState): void {
    if (to !== 'gone' || session.pid === undefined) return
    try {
      this.#sampler.forget?.(session.pid)
    } catch (problem) {
      this.#env.report(problem, "the sampler's forget")
    }
  }

  async #sweep(): Promise<void> {
    const byPid = new Map<number, Session>()
    for (const session of this.#roster.sessions.values()) {
      if (session.pid !== undefined && session.child.exit === undefined) byPid.set(session.pid, session)
    }
    if (byPid.size === 0) return
    try {
      const usages = await runWithDeadline(
        () => this.#sampler.sample([...byPid.keys()]),
        Math.max(5_000, this.#everyMs),
        this.#env.clock,
        () => new Error('the sampler took too long'),
        this.#closed.signal,
      )
      for (const [pid, session] of byPid) {
        // INV 27: what could not be measured is unknown from now on, not what it was.
        session.usage = usages.get(pid)
        if (session.usage) this.#judge(session)
      }
    } catch (problem) {
      if (this.#closed.signal.aborted) return
      for (const session of byPid.values()) session.usage = undefined
      this.#env.report(problem, 'measuring the sessions')
    }
  }

  #judge(session: Session): void {
    const usage = session.usage!
    if (this.#env.hooks.usage.isUsed()) this.#env.hooks.usage.call(session, usage)
    if (session.state === 'ending' || session.state === 'gone') return
    for (const limit of this.#limits) {
      try {
        const verdict = limit.judge(session, usage)
        if (verdict.action === 'ok') continue
        if (verdict.action !== 'recycle' && verdict.action !== 'end') throw new Error(`its verdict was ${String((verdict as { action: unknown }).action)}`)
        this.#env.decisions.record('end', `${verdict.action}: ${verdict.reason}`, session)
        if (verdict.action === 'recycle') return this.#settler.retireAtRelease(session, 'limit')
        return void this.#retirer.retire(session, 'limit', new GreenroomError(verdict.code, `session ${session.id} was ended: ${verdict.reason}`, { sessionId: session.id }))
      } catch (problem) {
        this.#env.report(problem, "a limit's judge")
      }
    }
  }
}
