import type { AcquireRequest } from './balancer.ts'

export interface AdmissionLoad {
  /** Callers who were let in and are not through yet: those who wait for a session, and those who hold one. */
  readonly inFlight: number
}

export interface AdmissionRefusal {
  /** For the caller, and for people: with its figures. */
  readonly reason: string
  /** After how long trying again makes sense, in milliseconds. Default: nothing is said of it. */
  readonly retryAfterMs?: number
}

/** How it went with a caller who was let in. */
export interface AdmissionReport {
  /** From the acquire to the end of the lease, or of the waiting, in milliseconds. */
  readonly latencyMs: number
  /** How many were in flight when it was let in, it included. */
  readonly inFlight: number
  /**
   * `done`: it has given the session back. `late`: it was cut short by timeouts.acquire or timeouts.active, so that the latency is that at least.
   * `lost`: anything else (it gave up, the session crashed), which says nothing of latency.
   */
  readonly outcome: 'done' | 'late' | 'lost'
}

/** Says whether one more caller is let in, before a place in the queue, or a session, is taken. It must be quick: it is asked at every acquire. */
export interface Admission {
  /** `undefined` lets it in; else it gets `OVERLOADED` at once. */
  admit(request: AcquireRequest, load: AdmissionLoad): AdmissionRefusal | undefined
  /** Told once of everybody who was let in. What it throws is reported, and harms nobody. */
  finished(report: AdmissionReport): void
}
