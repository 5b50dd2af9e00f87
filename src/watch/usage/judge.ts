import { GreenroomError, type Limit, type LimitVerdict, type SessionOutput, type Usage } from '../../contracts/index.ts'
import { disown } from '../../kernel/disown.ts'
import type { PoolEnvironment } from '../../pool/environment.ts'
import type { Retirer } from '../../pool/retirer.ts'
import type { Session } from '../../pool/session.ts'
import type { Settler } from '../../pool/settler.ts'
import type { Throttle } from './throttle.ts'

const ACTIONS: readonly unknown[] = ['ok', 'report', 'throttle', 'recycle', 'end'] satisfies LimitVerdict['action'][]

type Verdicts = Map<string, LimitVerdict>

export interface JudgeDeps {
  readonly env: PoolEnvironment
  readonly retirer: Retirer
  readonly settler: Settler
  readonly throttle: Throttle
  /** By their names. */
  readonly limits: ReadonlyMap<string, Limit>
}

/** Lets the limits judge what was measured, notes their verdicts, and does what they say. */
export class Judge {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #throttle: Throttle
  readonly #limits: ReadonlyMap<string, Limit>
  /** What each limit said last of a session: a verdict that only goes on is not noted again. */
  readonly #noted = new WeakMap<Session, Map<string, LimitVerdict['action']>>()
  readonly exactMemoryFrom: number

  constructor({ env, retirer, settler, throttle, limits }: JudgeDeps) {
    this.#env = env
    this.#retirer = retirer
    this.#settler = settler
    this.#throttle = throttle
    this.#limits = limits
    this.exactMemoryFrom = Math.min(Infinity, ...[...limits.values()].map(({ exactMemoryFrom = Infinity }) => exactMemoryFrom))
  }

  /** True where there is nothing to judge by. */
  get idle(): boolean {
    return this.#limits.size === 0
  }

  judge(session: Session, usage: Usage, output: SessionOutput): void {
    if (session.state === 'ending' || session.state === 'gone') return
    const verdicts = this.#verdicts(session, usage, output)
    for (const [name, verdict] of verdicts) this.#note(session, name, verdict)
    for (const verdict of verdicts.values()) {
      if (verdict.action === 'end') return this.#end(session, verdict)
    }
    this.#hold(session, verdicts)
    for (const verdict of verdicts.values()) {
      if (verdict.action === 'recycle') return this.#settler.retireAtRelease(session, 'limit')
    }
  }

  /** Every limit is asked: those that look at a span of time need each measurement. */
  #verdicts(session: Session, usage: Usage, output: SessionOutput): Verdicts {
    const verdicts: Verdicts = new Map()
    for (const [name, limit] of this.#limits) {
      try {
        const verdict = limit.judge(session, usage, output)
        if (!ACTIONS.includes(verdict.action)) {
          disown(verdict)
          throw new Error(`its verdict was ${String(verdict.action)}`)
        }
        if (verdict.action === 'throttle' && !(verdict.share > 0)) throw new Error(`it throttles to a share of ${verdict.share}`)
        verdicts.set(name, verdict)
      } catch (problem) {
        this.#env.report(problem, "a limit's judge")
      }
    }
    return verdicts
  }

  #note(session: Session, name: string, verdict: LimitVerdict): void {
    let noted = this.#noted.get(session)
    if (!noted) {
      noted = new Map()
      this.#noted.set(session, noted)
    }
    const before = noted.get(name) ?? 'ok'
    if (verdict.action === before) return
    noted.set(name, verdict.action)
    const kind = verdict.action === 'end' || verdict.action === 'recycle' ? 'end' : 'limit'
    this.#env.decisions.record(kind, verdict.action === 'ok' ? `ok: limits.${name} is kept again` : `${verdict.action}: ${verdict.reason}`, session)
  }

  #end(session: Session, { code, reason, limit }: LimitVerdict & { action: 'end' }): void {
    const error = new GreenroomError(code, `session ${session.id} was ended: ${reason}`, { sessionId: session.id, ...(limit && { limit }) })
    void this.#retirer.retire(session, 'limit', error)
  }

  #hold(session: Session, verdicts: Verdicts): void {
    let tightest: (LimitVerdict & { action: 'throttle' }) | undefined
    for (const verdict of verdicts.values()) {
      if (verdict.action === 'throttle' && verdict.share < (tightest?.share ?? Infinity)) tightest = verdict
    }
    if (tightest) this.#throttle.hold(session, tightest.share, tightest.percent)
    else this.#throttle.release(session)
  }
}
