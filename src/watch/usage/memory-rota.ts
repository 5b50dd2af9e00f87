import type { UsageSampler } from '../../contracts/index.ts'
import { runWithDeadline } from '../../kernel/deadline.ts'
import type { PoolEnvironment } from '../../pool/environment.ts'
import type { Session } from '../../pool/session.ts'
import type { SessionMeter } from './session-meter.ts'

const DEADLINE_MS = 5_000
/** Sessions whose turn comes in one second, however many there are: reading one takes a millisecond of CPU. */
const MOST_A_SECOND = 5

/** A session's processes in this sweep. */
export interface Measured {
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
  /** Sessions of one sweep, as a share of all; and how many at most. */
  readonly #share: number
  readonly #most: number
  readonly #sweepMs: number
  /** How long it takes until everybody has had a turn. */
  #roundMs: number
  /** A reading that has missed its deadline: nothing more is asked until it is over, or each sweep would leave one behind. */
  #stuck = false
  /** Who was never measured; and when who was, the longest ago first. */
  readonly #fresh = new Set<Session>()
  readonly #turns = new Map<Session, number>()

  constructor(env: PoolEnvironment, sampler: UsageSampler, { everyMs, pssEveryMs }: { everyMs: number; pssEveryMs: number }) {
    this.#env = env
    this.#sampler = sampler
    this.#everyMs = pssEveryMs
    this.#share = everyMs / pssEveryMs
    this.#most = Math.max(1, Math.floor((MOST_A_SECOND * everyMs) / 1_000))
    this.#sweepMs = everyMs
    this.#roundMs = pssEveryMs
  }

  /** How old a figure may be to be told. */
  get maxAgeMs(): number {
    return 2 * this.#roundMs
  }

  get #off(): boolean {
    return this.#everyMs === Infinity || !this.#sampler.proportional
  }

  /** Measures those whose turn it is, and those of whom `exactFrom` bytes might be exceeded. Their meters are told. */
  async measure(sweep: ReadonlyMap<Session, Measured>, exactFrom: number, signal: AbortSignal): Promise<void> {
    if (this.#off || this.#stuck) return
    const now = this.#env.clock.now()
    const chosen = this.#due(sweep, now)
    if (exactFrom !== Infinity) {
      for (const [session, measured] of sweep) {
        if (isKnown(measured) && measured.meter.proportionalAtMost(now, this.#everyMs) >= exactFrom) chosen.add(session)
      }
    }
    if (chosen.size === 0) return
    const found = await this.#read([...chosen].flatMap((session) => sweep.get(session)!.pids), signal)
    for (const session of chosen) {
      const { meter, pids } = sweep.get(session)!
      meter.noteProportional(sumOf(pids, found), now)
      this.forget(session)
      if (session.state !== 'gone') this.#turns.set(session, now)
    }
  }

  forget(session: Session): void {
    this.#turns.delete(session)
    this.#fresh.delete(session)
  }

  /** At most a share of all: when many sessions are new, they don't have their turns together, neither now nor later. */
  #due(sweep: ReadonlyMap<Session, Measured>, now: number): Set<Session> {
    for (const session of sweep.keys()) {
      if (!this.#turns.has(session) && session.state !== 'gone') this.#fresh.add(session)
    }
    const quota = Math.max(1, Math.min(this.#most, Math.ceil(sweep.size * this.#share)))
    this.#roundMs = Math.max(this.#everyMs, Math.ceil(sweep.size / quota) * this.#sweepMs)
    const due = new Set<Session>()
    for (const session of this.#fresh) {
      if (due.size === quota) break
      if (isKnown(sweep.get(session))) due.add(session)
    }
    for (const [session, at] of this.#turns) {
      if (due.size === quota || now - at < this.#everyMs) break
      if (isKnown(sweep.get(session))) due.add(session)
    }
    return due
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

/** INV 27: of one whose processes could not all be read, no sum is known. */
function isKnown(measured: Measured | undefined): boolean {
  return measured?.meter.residentBytes !== undefined
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
