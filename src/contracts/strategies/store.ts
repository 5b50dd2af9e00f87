import type { KeyPast } from '../session.ts'

/** The state of a key whose process was ended. */
export interface ParkedSession {
  readonly tenant: string
  readonly key: string
  /** From `Channel.park`, and in a store with the name of the driver, which alone understands it. */
  readonly token: string
  /** Milliseconds since the Unix epoch. */
  readonly parkedAt: number
  /** For evictors, once it is resumed. A store may leave it out. */
  readonly past?: KeyPast | undefined
}

/** Keeps parked sessions. A record is found by tenant and key together, so one tenant never sees another's. */
export interface Store {
  put(record: ParkedSession): Promise<void>
  /** Takes the record out: of two that ask at once, one gets it. */
  take(tenant: string, key: string): Promise<ParkedSession | undefined>
  /** True when there is a record. Must be cheap: it is asked for every new key. */
  has(tenant: string, key: string): boolean
  readonly size: number
  /** It outlives the host: idle sessions of keys are parked, not just ended, when the pool is closed. Default false. */
  readonly persistent?: boolean
  close?(): Promise<void>
}
