import { type Clock, type EndReason, GreenroomError, messageOf, type RequestOutcome } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { Timeouts } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { LeaseHost } from './lease-host.ts'
import type { Retirer } from './retirer.ts'
import type { Roster } from './roster.ts'
import type { Session } from './session.ts'

/** Reasons that say nothing against what a session holds. */
const SOUND: ReadonlySet<EndReason> = new Set(['aged', 'worn', 'limit'])

/** Hears of the turns that begin. */
export interface TurnListener {
  turnBegun(session: Session): void
}

/**
 * What happens to a session when a lease on it is over: it is offered again, at once or after its last turn has settled and
 * the last user's things were removed, or else it is ended. Nothing of this is put off to the next acquire.
 */
export class Settler implements LeaseHost {
  readonly clock: Clock
  readonly timeouts: Timeouts
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #retirer: Retirer
  readonly #resettable: boolean
  readonly #settled = new Map<Session, () => void>()
  #turns: TurnListener | undefined
  #heir: (session: Session) => boolean = () => false

  constructor(env: PoolEnvironment, roster: Roster, retirer: Retirer) {
    this.clock = env.clock
    this.timeouts = env.timeouts
    this.#env = env
    this.#roster = roster
    this.#retirer = retirer
    const guaranteed = env.driver.capabilities.resetGuarantees ?? []
    this.#resettable = env.settings.resetRequires.every((guarantee) => guaranteed.includes(guarantee))
  }

  listen(turns: TurnListener): void {
    this.#turns = turns
  }

  /** Who gives a session that a caller has let go of to the next one; false when nobody waits for it. */
  setHeir(heir: (session: Session) => boolean): void {
    this.#heir = heir
  }

  /** True when a one-off's session is of use afterwards: to its tenant after a reset, or to anybody with isolation 'none'. */
  get reusesOneOffs(): boolean {
    return this.#resettable || this.#env.settings.isolation === 'none'
  }

  report(problem: unknown, where: string): void {
    this.#env.report(problem, where)
  }

  turnBegun(session: Session, owner: PooledLease, turn: object): void {
    const { requesting } = this.#env.hooks
    if (requesting.isUsed()) requesting.call(session, { turn })
    this.#turns?.turnBegun(session)
    // A place beside the one its lease has: nobody else may have it (INV 1).
    if (owner.turnCount > 1) this.#roster.refreshOpen(session)
  }

  turnSettled(session: Session, owner: PooledLease): void {
    if (session.turnCount === 0) this.#settled.get(session)?.()
    // It took up a place beside the one its lease has, or had.
    if (session.state === 'leased' && (owner.turnCount > 0 || owner.over)) this.#roster.slotFreed(session)
  }

  requestEnded(session: Session, turn: object, outcome: RequestOutcome, durationMs: number, now: number): void {
    const { hooks, statistics } = this.#env
    statistics.requests++
    if (outcome === 'answered') statistics.answered(durationMs, now)
    if (hooks.request.isUsed()) hooks.request.call(session, { outcome, durationMs, turn })
  }

  leaseEnded(session: Session, lease: PooledLease): void {
    session.returned(lease)
    const now = this.clock.now()
    session.lastUsedAt = now
    this.#env.statistics.hold.add(now - lease.startedAt)
    const { released } = this.#env.hooks
    if (released.isUsed()) released.call(session, { heldMs: now - lease.startedAt })
  }

  released(session: Session, lease: PooledLease): void {
    if (session.state !== 'leased') return
    if (lease.turnCount > 0) {
      for (const turn of session.turns) {
        if (turn.owner === lease) turn.cancel()
      }
    }
    if (session.outstanding > 0) this.#othersStay(session, lease)
    else if (session.retireAtRelease === undefined && (session.turnCount > 0 || this.#needsReset(session))) void this.#settle(session)
    else this.offer(session)
  }

  /** The session may be had by whoever comes next, unless it is to be ended (INV 21). What its key left is kept, unless it is not to be trusted. */
  offer(session: Session): void {
    const reason = session.retireAtRelease
    if (reason) void (SOUND.has(reason) ? this.#retirer.park(session, reason) : this.#retirer.retire(session, reason))
    else if (session.state === 'leased') this.#roster.release(session, this.#heir)
    else this.#roster.move(session, 'idle')
  }

  destroyed(session: Session, _lease: PooledLease, reason: string): void {
    const error = new GreenroomError('SESSION_ENDED', `session ${session.id} was destroyed by a caller who shared it: ${reason}`, { sessionId: session.id })
    void this.#retirer.retire(session, 'destroyed', error)
  }

  /** A message nobody asked for: it belongs to the lease; without one it is contamination, unless it is harmless. */
  unsolicited(session: Session, message: unknown, harmless = false): void {
    if (session.outstanding > 0) {
      for (const lease of session.leases) lease.receive(message)
      return
    }
    // A starting session has served nobody: whatever it says is its own noise.
    if (session.state !== 'starting' && !harmless) void this.#retirer.retire(session, 'contaminated')
  }

  /** The driver can't go on with this session. */
  broken(session: Session, cause: Error): void {
    const error = cause instanceof GreenroomError ? cause : new GreenroomError('PROTOCOL_ERROR', messageOf(cause), { cause, sessionId: session.id })
    void this.#retirer.retire(session, 'protocol', error)
  }

  /** Ends the session when it would be offered again, or now when it is idle. */
  retireAtRelease(session: Session, reason: EndReason): void {
    session.retireAtRelease ??= reason
    if (session.state === 'idle') this.offer(session)
    else this.#roster.refreshOpen(session)
  }

  #needsReset(session: Session): boolean {
    return session.key === undefined && !session.communal
  }

  /** One of several leases is over: its slot is free once its turns have settled. */
  #othersStay(session: Session, lease: PooledLease): void {
    this.#roster.slotFreed(session)
    if (lease.turnCount === 0) return
    this.timeouts.add(this.#env.settings.timeouts.settle, () => {
      if (lease.turnCount > 0) this.retireAtRelease(session, 'unsettled')
    })
  }

  async #settle(session: Session): Promise<void> {
    this.#roster.move(session, 'settling')
    const failure = (await this.#settleTurns(session)) ?? (this.#needsReset(session) ? await this.#reset(session) : undefined)
    // It may have crashed, spoken unasked, or been ended meanwhile.
    if (session.state !== 'settling') return
    if (failure) void this.#retirer.retire(session, failure)
    else this.offer(session)
  }

  /** INV 1: waits for the terminal messages that are still due, as long as timeouts.settle. */
  async #settleTurns(session: Session): Promise<EndReason | undefined> {
    if (session.turnCount === 0) return undefined
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        this.timeouts.remove(deadline)
        this.#settled.delete(session)
        resolve()
      }
      const deadline = this.timeouts.add(this.#env.settings.timeouts.settle, finish)
      this.#settled.set(session, finish)
    })
    return session.turnCount === 0 ? undefined : 'unsettled'
  }

  /** INV 2: a reset that is not enough, fails, or takes too long, ends the session. */
  async #reset(session: Session): Promise<EndReason | undefined> {
    const reset = session.channel?.reset?.bind(session.channel)
    if (session.state !== 'settling') return undefined
    if (!this.#resettable || !reset) return 'released'
    try {
      const tooLong = (): Error => new Error('the reset took longer than timeouts.settle')
      await runWithDeadline(reset, this.#env.settings.timeouts.settle, this.clock, tooLong, session.ending)
      return undefined
    } catch (problem) {
      if (session.ending.aborted) return undefined
      this.report(problem, `resetting session ${session.id}`)
      return 'reset-failed'
    }
  }
}
