import type { SessionView } from '../session.ts'

export interface HealthSubject {
  readonly session: SessionView
  /** How long the check should take at most, in milliseconds. Its `signal` aborts when nobody waits for it any more, which may be later. */
  readonly timeoutMs: number
  /** The driver's own round trip; resolves to false when the driver has none. Rejects when it fails or `signal` aborts. */
  ping(signal: AbortSignal): Promise<boolean>
}

/** `healthy: undefined` means that nothing could be found out; it drives no decision. */
export interface HealthVerdict {
  readonly healthy: boolean | undefined
  readonly reason: string
}

/** Looks at one idle session. A rejection, or no answer before `signal` aborts, counts as unhealthy. */
export interface HealthCheck {
  check(subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict>
}
