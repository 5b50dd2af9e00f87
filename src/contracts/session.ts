/**
 * The states of a session:
 *
 *     starting → idle ⇄ leased → settling → idle
 *                idle ⇄ checking
 *        any → ending → gone
 *
 * `settling` is the time between a release and the proof that the session may be offered again; `checking` is a health
 * probe. In both, nobody is offered the session. An `ending` session still counts against `size.max`.
 */
export type SessionState = 'starting' | 'idle' | 'leased' | 'settling' | 'checking' | 'ending' | 'gone'

/**
 * What was measured of a session: its process and all descendants of it together. A figure that could not be measured is absent,
 * never 0: one living process whose figure is not known makes the figure of the session unknown.
 */
export interface Usage {
  /** Resident memory (RSS) in bytes, added up: what several processes share counts once for each of them. */
  readonly memoryBytes?: number
  /**
   * Proportional memory (PSS) in bytes: what processes share is divided among all who share it. It costs more than all the rest,
   * so it is measured every `metrics.pssEvery`, and when a limit would act on resident memory; between, it is the last known one.
   */
  readonly proportionalBytes?: number
  /** CPU use in percent of one core, over the time since the last measurement. Unknown in the first one. */
  readonly cpuPercent?: number
  /** How many processes there are. Absent where descendants cannot be found. */
  readonly processes?: number
}

/** What a key had done before its session was parked. Times are milliseconds since the Unix epoch. */
export interface KeyPast {
  /** Leases given on it. */
  readonly uses: number
  readonly firstUsedAt: number
  readonly lastUsedAt: number
}

/** A live session as strategies, hooks and predicates see it. Read only, and always current: copy what you keep. */
export interface SessionView {
  readonly id: string
  readonly pid: number | undefined
  readonly state: SessionState
  /** The tenant it is bound to, for ever; `undefined` while it has served nobody. */
  readonly tenant: string | undefined
  /** The key whose state it holds. */
  readonly key: string | undefined
  /** `Clock.now()` of its spawn. */
  readonly startedAt: number
  /** `Clock.now()` when it was ready; `undefined` while it starts. */
  readonly readyAt: number | undefined
  /** `Clock.now()` of its last lease's begin or end, else of its readiness. Probes and stats do not count. */
  readonly lastUsedAt: number
  /** Leases given on it so far. */
  readonly leaseCount: number
  /** What its key had done before it was parked, maybe by another host; known once it has been resumed. Absent where there is no such past. */
  readonly past?: KeyPast | undefined
  /** Requests begun on it so far. */
  readonly requestCount: number
  /** Leases it serves now. */
  readonly outstanding: number
  /**
   * Places taken of those its driver's `concurrency` gives it: requests under way, and leases that may begin one at any time. A request whose
   * lease is over takes up its place until it has ended. It is what balancers compare.
   */
  readonly load: number
  /** The last measurement; `undefined` before the first. */
  readonly usage: Usage | undefined
}

/** Why a session was ended. */
export type EndReason =
  | 'released'        // a one-off whose session cannot be reset
  | 'destroyed'       // lease.destroy()
  | 'idle'            // timeouts.idle
  | 'aged'            // timeouts.total
  | 'worn'            // maxUses
  | 'unsettled'       // its last request never reached its terminal message
  | 'reset-failed'
  | 'bind-failed'
  | 'contaminated'    // a message nobody asked for
  | 'protocol'        // the driver reported it broken
  | 'unhealthy'
  | 'silent'
  | 'limit'           // a limit said so
  | 'evicted'         // made room for another caller
  | 'parked'          // its state is in the store
  | 'scaled'          // the pool was made smaller
  | 'lease-timeout'
  | 'requested'       // closeWhere
  | 'start-failed'
  | 'start-timeout'
  | 'crashed'         // ended by itself with a signal or a non-zero code
  | 'exited'          // ended by itself with code 0
  | 'closed'          // the pool was closed
