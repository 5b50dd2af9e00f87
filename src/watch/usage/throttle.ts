import type { Limit, SessionState, Timer } from '../../contracts/index.ts'
import { signalProcess } from '../../process/process-group.ts'
import type { PoolEnvironment } from '../../pool/environment.ts'
import type { RosterListener } from '../../pool/roster.ts'
import type { Session } from '../../pool/session.ts'
import type { Trees } from './trees.ts'

/** How long one round of running and standing still is: short enough that nobody who waits for an answer notices the steps. */
const PERIOD_MS = 100
/** Nobody is held to less than this share of the time: it must go on answering. */
export const LEAST_SHARE = 0.1

interface Held {
  share: number
  stopped: boolean
  /** Absent where the system does it. */
  timer: Timer | undefined
}

/**
 * Holds sessions to a share of the CPU: by the system where a limit can have it do so, else by stopping and continuing their processes in
 * turn (SIGSTOP, SIGCONT). Whoever is to be ended is let go first: a process that stands still hears no goodbye.
 */
export class Throttle implements RosterListener {
  readonly #env: PoolEnvironment
  readonly #trees: Pick<Trees, 'of' | 'mayLive'>
  readonly #systems: readonly Limit[]
  readonly #held = new Map<Session, Held>()

  /** `limits`: those that may be able to have the system throttle. */
  constructor(env: PoolEnvironment, trees: Pick<Trees, 'of' | 'mayLive'>, limits: Iterable<Limit>) {
    this.#env = env
    this.#trees = trees
    this.#systems = [...limits].filter((limit) => limit.throttle)
  }

  /** The share of the time in which the session may run; 1 when it is free. */
  shareOf(session: Session): number {
    return this.#held.get(session)?.share ?? 1
  }

  /** Until it is released. `percent`: of one core, for systems that can hold it to that. */
  hold(session: Session, share: number, percent: number): void {
    const bounded = Math.max(LEAST_SHARE, share)
    if (bounded >= 1) return this.release(session)
    if (session.state === 'ending' || session.state === 'gone') return
    const held = this.#held.get(session)
    if (held) held.share = bounded
    else if (this.#bySystem(session, percent)) this.#held.set(session, { share: bounded, stopped: false, timer: undefined })
    else this.#held.set(session, { share: bounded, stopped: false, timer: this.#after(bounded * PERIOD_MS, session) })
  }

  release(session: Session): void {
    const held = this.#held.get(session)
    if (!held) return
    this.#held.delete(session)
    held.timer?.cancel()
    if (!held.timer) this.#bySystem(session, undefined)
    else if (held.stopped) this.#signal(session, 'SIGCONT')
  }

  close(): void {
    for (const session of [...this.#held.keys()]) this.release(session)
  }

  changed(session: Session, _from: SessionState | undefined, to: SessionState): void {
    if (to === 'ending' || to === 'gone') this.release(session)
  }

  #bySystem(session: Session, percent: number | undefined): boolean {
    return this.#systems.some((limit) => {
      try {
        return limit.throttle!(session, percent)
      } catch (problem) {
        this.#env.report(problem, "a limit's throttle")
        return false
      }
    })
  }

  #turn(session: Session): void {
    const held = this.#held.get(session)
    if (!held) return
    held.stopped = !held.stopped
    this.#signal(session, held.stopped ? 'SIGSTOP' : 'SIGCONT')
    held.timer = this.#after((held.stopped ? 1 - held.share : held.share) * PERIOD_MS, session)
  }

  #after(ms: number, session: Session): Timer {
    return this.#env.clock.setTimer(() => this.#turn(session), ms, { background: true })
  }

  /** The group, and who left it. */
  #signal(session: Session, signal: NodeJS.Signals): void {
    session.child.signalGroup(signal)
    for (const member of this.#trees.of(session)) {
      if (member.pgid === undefined || member.pgid === session.pid) continue
      // INV 15: its number may be another's by now.
      if (this.#trees.mayLive(member)) signalProcess(member.pid, signal)
    }
  }
}
