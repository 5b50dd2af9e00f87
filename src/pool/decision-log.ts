import { messageOf, type Clock, type Decision, type PoolHooks, type SessionView } from '../contracts/index.ts'

const CAPACITY = 1_000

type Reason = string | (() => string)

interface Entry {
  at: number
  kind: Decision['kind']
  reason: Reason
  sessionId: string | undefined
  tenant: string | undefined
  key: string | undefined
}

/** The pool's last decisions in a ring. Recording fills a slot; text is only made for those who read. */
export class DecisionLog {
  readonly #clock: Clock
  readonly #hook: PoolHooks['decision']
  readonly #ring: Entry[] = []
  #next = 0

  constructor(clock: Clock, hooks: PoolHooks) {
    this.#clock = clock
    this.#hook = hooks.decision
  }

  record(kind: Decision['kind'], reason: Reason, about: { id?: string; tenant?: string | undefined; key?: string | undefined } = {}, now: number = this.#clock.now()): void {
    const entry = this.#slot()
    entry.at = now
    entry.kind = kind
    entry.reason = reason
    entry.sessionId = about.id
    entry.tenant = about.tenant
    entry.key = about.key
    if (this.#hook.isUsed()) this.#hook.call(this.#readable(entry))
  }

  /** One of a strategy's own. What makes its text is foreign code: whoever reads the others must not suffer from it. */
  explain(reason: Reason, session?: SessionView): void {
    this.record('strategy', typeof reason === 'function' ? () => told(reason) : String(reason), session)
  }

  /** Oldest first. */
  read(): Decision[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].map((entry) => this.#readable(entry))
  }

  #slot(): Entry {
    if (this.#ring.length < CAPACITY) {
      const entry: Entry = { at: 0, kind: 'start', reason: '', sessionId: undefined, tenant: undefined, key: undefined }
      this.#ring.push(entry)
      return entry
    }
    const entry = this.#ring[this.#next]!
    this.#next = (this.#next + 1) % CAPACITY
    return entry
  }

  #readable({ at, kind, reason, sessionId, tenant, key }: Entry): Decision {
    return {
      at: this.#clock.wallTime() - (this.#clock.now() - at),
      kind,
      reason: typeof reason === 'string' ? reason : reason(),
      ...(sessionId !== undefined && { sessionId }),
      ...(tenant !== undefined && { tenant }),
      ...(key !== undefined && { key }),
    }
  }
}

function told(reason: () => unknown): string {
  try {
    return String(reason())
  } catch (problem) {
    return `its reason could not be told: ${messageOf(problem)}`
  }
}
