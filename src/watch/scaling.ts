import { GreenroomError, type ScaleDecision, type ScaleTrigger, type ScaleView, type SessionState, type Timer } from '../contracts/index.ts'
import { disown } from '../kernel/disown.ts'
import type { Capacity } from '../pool/capacity.ts'
import type { Demand } from '../pool/demand.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Launcher } from '../pool/launcher.ts'
import { leastValuable } from '../pool/least-valuable.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { Roster, RosterListener } from '../pool/roster.ts'
import type { RoomMaker } from '../pool/room-maker.ts'
import type { Session } from '../pool/session.ts'
import type { Settler } from '../pool/settler.ts'
import type { StartGate } from '../pool/start-gate.ts'
import type { WaitingLine } from '../pool/waiting-line.ts'
import { patienceMs } from './freeing.ts'
import { scaleView } from './scale-view.ts'

const TICK_MS = 1_000
/** It is not asked again for time alone sooner than this. */
const SOONEST_MS = 10

/** One call of warm(): what is still to be started, and what became of what was. */
interface WarmUp {
  readonly tenant: string | undefined
  missing: number
  readonly starting: Set<Session>
  added: number
  resolve(added: number): void
  reject(error: GreenroomError): void
}

interface Wanted {
  readonly size: number
  resolve(): void
  reject(error: GreenroomError): void
}

/**
 * Brings the pool to the size it should have: the scaler's while scaling is automatic, the one set by hand otherwise.
 * It is asked at every change of demand; the tick is only for what time alone changes.
 */
export class Scaling implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  readonly #capacity: Capacity
  readonly #launcher: Launcher
  readonly #retirer: Retirer
  readonly #roomMaker: RoomMaker
  readonly #gate: StartGate
  readonly #line: WaitingLine
  readonly #demand: Demand
  readonly #settler: Settler
  #automatic = true
  #decision: ScaleDecision = { target: 0, reason: 'nothing has been decided yet' }
  #wanted: Wanted | undefined
  readonly #warmUps = new Set<WarmUp>()
  #closed = false
  /** What the scaler was shown last. */
  readonly #seen: number[] = []
  #nextTick: Timer | undefined
  /** Runs while callers are left to busy sessions. */
  #doubt: Timer | undefined

  constructor(deps: {
    env: PoolEnvironment
    roster: Roster
    capacity: Capacity
    launcher: Launcher
    retirer: Retirer
    roomMaker: RoomMaker
    gate: StartGate
    line: WaitingLine
    demand: Demand
    settler: Settler
  }) {
    this.#env = deps.env
    this.#roster = deps.roster
    this.#capacity = deps.capacity
    this.#launcher = deps.launcher
    this.#retirer = deps.retirer
    this.#roomMaker = deps.roomMaker
    this.#gate = deps.gate
    this.#line = deps.line
    this.#demand = deps.demand
    this.#settler = deps.settler
    deps.demand.listen((trigger) => this.#reconcile(trigger), () => this.#isSated())
  }

  get state(): { automatic: boolean; target: number; reason: string } {
    return { automatic: this.#automatic, ...this.#decision }
  }

  start(): void {
    this.#tick()
  }

  /** Has it look anew, soon. */
  poke(): void {
    this.#demand.poke('tick')
  }

  changed(session: Session, from: SessionState | undefined, to: SessionState): void {
    if (from === 'starting') this.#warmed(session, to === 'idle')
    // A session that is made ready for the next caller is not free yet.
    if (from === 'settling' && to === 'idle') this.#env.statistics.hold.extend(this.#env.clock.now() - session.lastUsedAt)
    if (to === 'gone') this.#demand.poke('gone')
    else if (from === 'starting' && to === 'idle') this.#demand.poke('ready')
    else if (!this.#automatic && to === 'idle') this.#demand.poke('manual')
  }

  /** Fixes the size. Resolves when as many sessions are ready and none too many is left. */
  scale(size: number): Promise<void> {
    const { min, max } = this.#env.settings.size
    if (!Number.isInteger(size) || size < min || size > max) {
      return Promise.reject(new GreenroomError('ARGUMENT_INVALID', `scale(${size}): give a whole number from ${min} (size.min) to ${max} (size.max)`))
    }
    // A size that can't be reached for the moment is said so at once, as an acquire is.
    if (this.#gate.state === 'open' && size > this.#roster.staying) return Promise.reject(this.#gate.breakerError())
    this.#supersede()
    this.#automatic = false
    this.#decide({ target: size, reason: 'set by hand' })
    const reached = new Promise<void>((resolve, reject) => (this.#wanted = { size, resolve, reject }))
    // Who does not wait for it need not hear that it did not come about.
    reached.catch(() => undefined)
    this.#demand.poke('manual')
    return reached
  }

  autoScale(on: boolean): void {
    if (on === this.#automatic) return
    this.#supersede()
    this.#automatic = on
    if (on) this.#demand.poke('manual')
    else this.#decide({ target: this.#clamp(this.#roster.staying), reason: 'automatic scaling was turned off at this size' })
  }

  /** Limits or the scaler have changed: it looks anew, and a size that was set by hand comes within the limits. */
  reconfigured(): void {
    const { min, max } = this.#env.settings.size
    const { target } = this.#decision
    if (!this.#automatic && (target < min || target > max)) {
      this.#supersede()
      this.#decide({ target: Math.min(max, Math.max(min, target)), reason: 'as near to the size that was set by hand as size.min and size.max allow now' })
    }
    this.#demand.poke('manual')
  }

  /**
   * Starts spares beyond what the scaler wants, as far as there is room. Resolves, when they are ready or have failed, to how many are
   * ready; rejects when the breaker is open, or opens before any of them is.
   */
  warm(count: number, tenant?: string): Promise<number> {
    const promised = [...this.#warmUps].reduce((sum, { missing }) => sum + missing, 0)
    const room = Math.min(count, this.#capacity.max - this.#roster.live - promised)
    if (room <= 0) return Promise.resolve(0)
    if (this.#gate.state === 'open') return Promise.reject(this.#gate.breakerError())
    const warm = new Promise<number>((resolve, reject) => this.#warmUps.add({ tenant, missing: room, starting: new Set(), added: 0, resolve, reject }))
    warm.catch(() => undefined)
    this.#demand.poke('manual')
    return warm
  }

  /** The breaker has opened: who waits for a size would wait for long. */
  breakerOpened(error: GreenroomError): void {
    for (const warmUp of this.#warmUps) {
      if (warmUp.added > 0 || warmUp.starting.size > 0) continue
      this.#warmUps.delete(warmUp)
      warmUp.reject(error)
    }
    this.#dropWarmUps()
    this.#wanted?.reject(error)
    this.#wanted = undefined
  }

  close(error: GreenroomError): void {
    this.#closed = true
    this.#nextTick?.cancel()
    this.#doubt?.cancel()
    this.breakerOpened(error)
  }

  #tick(): void {
    if (this.#closed) return
    this.#demand.poke('tick')
    this.#nextTick = this.#env.clock.setTimer(() => this.#tick(), TICK_MS, { background: true })
  }

  #supersede(): void {
    this.#wanted?.reject(new GreenroomError('SCALE_SUPERSEDED', 'a later scale(), autoScale() or reconfigure() took the place of this one'))
    this.#wanted = undefined
  }

  #reconcile(trigger: ScaleTrigger): void {
    if (this.#closed) return
    this.#demand.looked(this.#roster.busy)
    if (this.#automatic && this.#isWorthAsking(trigger)) this.#askScaler(trigger)
    this.#grow()
    this.#shrink()
    if (this.#roster.staying >= Math.min(this.#decision.target, this.#capacity.max)) this.#roomMaker.makeRoom(this.#line.queued)
    this.#checkReached()
  }

  /** Callers are left to busy sessions that should be free before a start is: when they are not, it is asked again, sooner than by the tick. */
  #doubtBusy({ target }: ScaleDecision, view: ScaleView): void {
    if (this.#doubt || view.waiting === 0 || target >= Math.min(view.max, view.busy + view.waiting) || view.freeing === 0) return
    const delayMs = Math.max(SOONEST_MS, patienceMs(this.#env) ?? 0, view.meanStartMs ?? 0)
    if (delayMs >= TICK_MS) return
    this.#doubt = this.#env.clock.setTimer(() => {
      this.#doubt = undefined
      this.poke()
    }, delayMs, { background: true })
  }

  /** There are as many sessions as there may be, none of which could make room for another; and somebody waits already. */
  #isSated(): boolean {
    const { max } = this.#capacity
    const { staying, counts } = this.#roster
    if (staying < max || this.#decision.target < max || this.#line.queued === 0) return false
    return counts.idle === 0 || this.#env.settings.isolation === 'none'
  }

  /**
   * A session that is lent and given back within one turn of the event loop is no news. With isolation 'none' one caller is like the other; else
   * it matters whose they are. And time has passed at a tick.
   */
  #isWorthAsking(trigger: ScaleTrigger): boolean {
    const isNew = this.#looksNew()
    if (trigger !== 'taken' && !(trigger === 'waiter' && this.#env.settings.isolation === 'none')) return true
    return isNew && !this.#isSated()
  }

  /** Whether anything a scaler counts is other than it was when it was last looked at. */
  #looksNew(): boolean {
    const { counts, staying, busy, idleBound, idleSpares, expiredSpares } = this.#roster
    const seen = this.#seen
    let isNew = false
    const note = (place: number, count: number): void => {
      isNew ||= seen[place] !== count
      seen[place] = count
    }
    note(0, staying)
    note(1, counts.starting)
    note(2, busy)
    note(3, idleBound)
    note(4, idleSpares)
    note(5, expiredSpares)
    note(6, counts.checking)
    note(7, this.#line.queued)
    note(8, this.#capacity.max)
    return isNew
  }

  #askScaler(trigger: ScaleTrigger): void {
    try {
      const view = this.#look()
      const decision = this.#env.scaler.decide(view, trigger)
      const { target, reason } = decision
      if (!Number.isFinite(target)) {
        disown(decision)
        throw new Error(`the scaler's target is ${target}`)
      }
      this.#decide({ target: this.#clamp(Math.round(target)), reason })
      this.#doubtBusy(this.#decision, view)
    } catch (problem) {
      // INV 8: a scaler that fails decides nothing; those who wait must be served all the same.
      this.#env.report(problem, "the scaler's decide")
      const { min } = this.#env.settings.size
      this.#decide({ target: this.#clamp(Math.max(min, this.#roster.busy + this.#roster.idleBound + this.#line.queued)), reason: 'the scaler failed: no more than is asked for' })
    }
  }

  #look(): ScaleView {
    const { reusesOneOffs } = this.#settler
    return scaleView({ env: this.#env, roster: this.#roster, line: this.#line, capacity: this.#capacity, reusesOneOffs })
  }

  #decide(decision: ScaleDecision): void {
    if (decision.target !== this.#decision.target) {
      const from = this.#decision.target
      this.#env.decisions.record('scale', () => `${from} → ${decision.target}: ${decision.reason}`)
    }
    this.#decision = decision
  }

  #clamp(target: number): number {
    return Math.min(this.#capacity.max, Math.max(this.#env.settings.size.min, target))
  }

  #grow(): void {
    const missing = this.#decision.target - this.#roster.staying
    for (let i = 0; i < missing; i++) {
      if (!this.#launcher.startForCallers(this.#decision.reason)) break
    }
    for (const warmUp of this.#warmUps) {
      while (warmUp.missing > 0) {
        const session = this.#launcher.start('asked to warm up', warmUp.tenant)
        // Others have taken the room there was, in the pool or in what its tenant may have.
        if (!session && (this.#roster.live >= this.#capacity.max || this.#launcher.room > 0)) return this.#dropWarmUps()
        if (!session) return
        warmUp.missing--
        warmUp.starting.add(session)
      }
    }
  }

  #warmed(session: Session, ready: boolean): void {
    for (const warmUp of this.#warmUps) {
      if (!warmUp.starting.delete(session)) continue
      if (ready) warmUp.added++
      this.#finishWarmUp(warmUp)
    }
  }

  #finishWarmUp(warmUp: WarmUp): void {
    if (warmUp.missing > 0 || warmUp.starting.size > 0) return
    this.#warmUps.delete(warmUp)
    warmUp.resolve(warmUp.added)
  }

  /** What has not been started yet, won't be. */
  #dropWarmUps(): void {
    for (const warmUp of this.#warmUps) {
      warmUp.missing = 0
      this.#finishWarmUp(warmUp)
    }
  }

  /** Only idle sessions are ended for size; while it is set by hand the others follow as they are released. */
  #shrink(): void {
    const { counts, staying } = this.#roster
    // What is still starting has not had the time to be of use.
    const settled = this.#automatic ? staying - counts.starting : staying
    for (let tooMany = settled - this.#decision.target; tooMany > 0; tooMany--) {
      // Spares first: they hold nothing that anybody would miss.
      const victim = this.#leastValuable(({ unclaimed }) => unclaimed) ?? this.#leastValuable(() => true)
      if (!victim) return
      void this.#retirer.park(victim, 'scaled')
    }
  }

  #leastValuable(among: (session: Session) => boolean): Session | undefined {
    return leastValuable(this.#env, this.#roster, this.#capacity.scarce, among)
  }

  #checkReached(): void {
    const wanted = this.#wanted
    if (!wanted) return
    const { counts, live } = this.#roster
    if (live !== wanted.size || counts.starting > 0) return
    this.#wanted = undefined
    wanted.resolve()
  }
}
