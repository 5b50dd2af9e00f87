import type { UsageSampler } from '../../contracts/index.ts'
import { runWithDeadline } from '../../kernel/deadline.ts'
import type { PoolEnvironment } from '../../pool/environment.ts'
import type { Session } from '../../pool/session.ts'
import type { SessionMeter } from './session-meter.ts'

const DEADLINE_MS = 5_000

/** A session of this sweep, and its processes. */
export interface Measured {
  readonly session: Session
  readonly meter: SessionMeter
  readonly pids: readonly number[]
}

/**
 * Measures proportional memory, which is dear: of every session once in a while, evenly spread over the sweeps, and at once of those whose
 * resident memory a limit would act on.
 */
export class MemoryRota {
  readonly #env: PoolEnvironment
  readonly #sampler: UsageSampler
  readonly #everyMs: number
  /** Sessions of one sweep, as a share of all. */
  readonly #share: number
  /** A reading that has missed its deadline: nothing more is asked until it is over, or each sweep would leave one behind. */
  #stuck = false
  /** Whose turn was longest ago comes first. */
  readonly #turns = new Map<Session, number>()

  constructor(env: PoolEnvironment, sampler: UsageSampler, { everyMs, pssEveryMs }: { everyMs: number; pssEveryMs: number }) {
    this.#env = env
    this.#sampler = sampler
    this.#everyMs = pssEveryMs
    this.#share = everyMs / pssEveryMs
  }

  /** How old a figure may be to be told. */
  get maxAgeMs(): number {
    return 2 * this.#everyMs
  }

  get #off(): boolean {
    return this.#everyMs === Infinity || !this.#sampler.proportional
  }

  /** Measures those whose turn it is, and those of whom `exactFrom` bytes might be exceeded. Their meters are told. */
  async measure(sweep: readonly Measured[], exactFrom: number, signal: AbortSignal): Promise<void> {
    if (this.#off || this.#stuck) return
    const now = this.#env.clock.now()
    const chosen = new Set(this.#due(sweep, now))
    for (const measured of sweep) {
      if (measured.meter.proportionalAtMost(now, this.#everyMs) >= exactFrom) chosen.add(measured)
    }
    if (chosen.size === 0) return
    const found = await this.#read([...chosen].flatMap(({ pids }) => pids), signal)
    for (const { session, meter, pids } of chosen) {
      meter.noteProportional(sumOf(pids, found), now)
      this.#turns.delete(session)
      this.#turns.set(session, now)
    }
  }

  forget(session: Session): void {
    this.#turns.delete(session)
  }

  /** At most a share of all: when many sessions are new, they don't have their turns together, neither now nor later. */
  #due(sweep: readonly Measured[], now: number): Measured[] {
    for (const { session } of sweep) if (!this.#turns.has(session)) this.#turns.set(session, -Infinity)
    const quota = Math.max(1, Math.ceil(sweep.length * this.#share))
    return sweep
      .filter(({ session }) => now - this.#turns.get(session)! >= this.#everyMs)
      .sort((a, b) => this.#turns.get(a.session)! - this.#turns.get(b.session)!)
      .slice(0, quota)
  }

  async #read(pids: readonly number[], signal: AbortSignal): Promise<ReadonlyMap<number, number>> {
    const { clock } = this.#env
    try {
      const reading = async () => this.#sampler.proportional!(pids)
      const late = () => new Error('measuring proportional memory took too long')
      this.#stuck = true
      return await runWithDeadline(() => reading().finally(() => (this.#stuck = false)), DEADLINE_MS, clock, late, signal)
    } catch (problem) {
      if (!signal.aborted) this.#env.report(problem, 'measuring proportional memory')
      return new Map()
    }
  }
}

/** INV 27: over all of them, or unknown. */
function sumOf(pids: readonly number[], found: ReadonlyMap<number, number>): number | undefined {
  let total = 0
  for (const pid of pids) {
    const bytes = found.get(pid)
    if (bytes === undefined) return undefined
    total += bytes
  }
  return total
}
