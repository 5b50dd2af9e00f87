import type { Guarantee } from './driver.ts'

/**
 * The pool's own part of a configuration, checked and complete: every default filled in, every span in milliseconds.
 * `Infinity` means never.
 */
export interface PoolSettings {
  readonly size: {
    readonly min: number
    readonly max: number
    /** Spares at least. */
    readonly spare: number
    /** Percent of the sessions that are busy or spare which spares are to make up; 0: `spare` alone counts. */
    readonly spareShare: number
    /** `Infinity` with isolation 'none'. */
    readonly perTenant: number
    /** Processes that may be starting at the same time. */
    readonly starting: number
    /** Bytes for all sessions together; `Infinity`: no budget. */
    readonly memory: number
  }
  readonly isolation: 'tenant' | 'none'
  readonly bindAtSpawn: boolean
  readonly resetRequires: readonly Guarantee[]
  /** Leases after which a session is ended. */
  readonly maxUses: number
  readonly timeouts: {
    readonly start: number
    readonly acquire: number
    readonly idle: number
    readonly active: number
    readonly silence: number
    readonly answer: number
    readonly total: number
    readonly settle: number
    readonly close: number
  }
  /** Where the register of live sessions is kept; `false`: nowhere; `undefined`: where the user's state is. */
  readonly stateDir: string | false | undefined
  /** Whether sessions are started by the keeper. */
  readonly keeper: boolean
  /** Callers who may wait. */
  readonly queueMax: number
  /** `undefined`: idle sessions are not probed. */
  readonly health: { readonly everyMs: number; readonly timeoutMs: number; readonly failures: number; readonly successes: number } | undefined
  /** `undefined`: nothing is measured. */
  readonly metrics: { readonly everyMs: number; readonly pssEveryMs: number } | undefined
}
