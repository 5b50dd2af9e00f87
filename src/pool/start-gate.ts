import { type Failure, GreenroomError, messageOf, type RestartDecision, type Timer } from '../contracts/index.ts'
import { disown } from '../kernel/disown.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Session } from './session.ts'

/** The back-off when the restart policy gives none. */
const FALLBACK_MS = 1_000

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface StartGateListener {
  /** The breaker has opened: those whom only a start could serve are to be told. */
  opened(error: GreenroomError): void
  /** A start is allowed again. */
  allowed(): void
}

/**
 * Whether a process may be started, after failures: back-off, and a breaker around it. Processes that fail together are one
 * failure: one counts only when its process was started after the failure before it, so that eight workers killed at
 * once don't look like eight attempts that failed (INV 30), and fifty starts of a missing command neither.
 */
export class StartGate {
  readonly #env: PoolEnvironment
  #listener: StartGateListener | undefined
  #state: BreakerState = 'closed'
  #inARow = 0
  #failures = 0
  #lastError: unknown
  #timer: Timer | undefined

  constructor(env: PoolEnvironment) {
    this.#env = env
  }

  listen(listener: StartGateListener): void {
    this.#listener = listener
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Series of failures so far. */
  get failures(): number {
    return this.#failures
  }

  /** What the last start failed with; `undefined` when a session became ready since. */
  get lastError(): unknown {
    return this.#lastError
  }

  /** How many processes may be starting at once: none during a back-off, one while it is doubtful that starts succeed. */
  get allowance(): number {
    if (this.#timer) return 0
    return this.#state === 'half-open' || this.#inARow >= 2 ? 1 : Infinity
  }

  /** The error of those who would need a start while none is allowed. */
  breakerError(): GreenroomError {
    return new GreenroomError('BREAKER_OPEN', `no session is started for the moment: ${messageOf(this.#lastError)}`, { cause: this.#lastError })
  }

  failed(session: Session, failure: Failure, error: unknown): void {
    if (session.failuresBefore < this.#failures) return
    this.#failures++
    this.#lastError = error
    this.#inARow++
    const decision = this.#decide(failure)
    if (decision.action === 'retry') return this.#pause(decision.delayMs)
    this.#state = 'open'
    this.#env.decisions.record('breaker', `opened: ${decision.reason}`)
    this.#pause(decision.cooldownMs)
    this.#listener?.opened(this.breakerError())
  }

  /** A start has succeeded. One that was begun before the last failure says nothing of what came after it. */
  ready(session: Session): void {
    if (session.failuresBefore < this.#failures) return
    if (this.#state !== 'closed') this.#env.decisions.record('breaker', 'closed: a session became ready')
    this.#state = 'closed'
    this.#inARow = 0
    this.#lastError = undefined
    try {
      disown(this.#env.restart.ready())
    } catch (problem) {
      this.#env.report(problem, "the restart policy's ready")
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** INV 8: a policy that fails is no reason to start processes without a pause. */
  #decide(failure: Failure): RestartDecision {
    try {
      const decision = this.#env.restart.failed(failure)
      const ms = decision.action === 'retry' ? decision.delayMs : decision.cooldownMs
      if (ms >= 0 && ms < Infinity) return decision
      disown(decision)
      throw new Error(`it answered ${decision.action}, for ${ms} ms`)
    } catch (problem) {
      this.#env.report(problem, "the restart policy's failed")
      return { action: 'retry', delayMs: FALLBACK_MS }
    }
  }

  #pause(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#env.clock.setTimer(() => {
      this.#timer = undefined
      if (this.#state === 'open') {
        this.#state = 'half-open'
        this.#env.decisions.record('breaker', 'half-open: one start is tried')
      }
      this.#listener?.allowed()
    }, ms)
  }
}
