import { type AcquireRequest, type Admission, type AdmissionReport, GreenroomError, isGreenroomError } from '../contracts/index.ts'
import { onAbort } from '../kernel/abort-callbacks.ts'
import { disown } from '../kernel/disown.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'

/** Where an admission strategy counts who goes in and who comes out. Without a strategy it stands open, and counts nobody. */
export class Turnstile {
  /** `undefined`: everybody is let in. */
  admission: Admission | undefined
  readonly #env: PoolEnvironment
  readonly #refuse: (request: AcquireRequest, error: GreenroomError) => GreenroomError
  #inFlight = 0

  /** @param refuse Notes that an acquire was turned down. */
  constructor(env: PoolEnvironment, admission: Admission | undefined, refuse: (request: AcquireRequest, error: GreenroomError) => GreenroomError) {
    this.#env = env
    this.admission = admission
    this.#refuse = refuse
  }

  /**
   * What `enter` gives, when the strategy lets the caller in.
   * @throws what the strategy and `enter` throw.
   */
  pass(request: AcquireRequest, enter: () => Promise<PooledLease>): Promise<PooledLease> {
    const { admission } = this
    if (!admission) return enter()
    const refusal = this.#ask(admission, request)
    if (refusal) return Promise.reject(this.#refuse(request, refusal))
    const entered = enter()
    const since = this.#env.clock.now()
    const inFlight = ++this.#inFlight
    const left = (outcome: AdmissionReport['outcome']): void => {
      this.#inFlight--
      this.#tell(admission, { latencyMs: this.#env.clock.now() - since, inFlight, outcome })
    }
    // Before the caller hears of it: the end of the lease is not missed.
    entered.then(
      ({ signal }) => {
        if (signal.aborted) left(outcomeOf(signal.reason))
        else onAbort(signal, () => left(outcomeOf(signal.reason)))
      },
      (error: unknown) => left(outcomeOf(error)),
    )
    return entered
  }

  #ask(admission: Admission, request: AcquireRequest): GreenroomError | undefined {
    const refusal: unknown = admission.admit(request, { inFlight: this.#inFlight })
    if (refusal === undefined) return undefined
    const { reason, retryAfterMs } = (typeof refusal === 'object' ? (refusal ?? {}) : {}) as { reason?: unknown; retryAfterMs?: unknown }
    if (typeof reason !== 'string') {
      disown(refusal)
      throw new GreenroomError('STRATEGY_FAILED', 'the admission strategy answered neither undefined nor { reason }')
    }
    const after = typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) ? { retryAfterMs: Math.max(0, retryAfterMs) } : {}
    return new GreenroomError('OVERLOADED', `too many are being served or wait: ${reason}`, after)
  }

  /** INV 8 */
  #tell(admission: Admission, report: AdmissionReport): void {
    try {
      disown(admission.finished(report))
    } catch (problem) {
      this.#env.report(problem, "the admission strategy's finished")
    }
  }
}

function outcomeOf(error: unknown): AdmissionReport['outcome'] {
  if (isGreenroomError(error, 'LEASE_REVOKED')) return 'done'
  return isGreenroomError(error, 'ACQUIRE_TIMEOUT') || isGreenroomError(error, 'LEASE_TIMEOUT') ? 'late' : 'lost'
}
