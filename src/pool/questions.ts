import { formatDuration, type Question, type TurnSink } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import type { PoolEnvironment } from './environment.ts'
import type { PooledLease } from './lease.ts'
import type { Session } from './session.ts'
import type { Settler } from './settler.ts'

/** A handler has not answered in time: the driver's default answer is given. */
class Unanswered extends Error {}

/** Brings the requests of a session to the lease that holds it, and the answers back. */
export class Questions {
  readonly #env: PoolEnvironment
  readonly #settler: Settler

  constructor(env: PoolEnvironment, settler: Settler) {
    this.#env = env
    this.#settler = settler
  }

  /** Resolves to the handler's answer, or to `fallback`; rejects with what the handler throws. */
  async ask(session: Session, question: Question, fallback: unknown): Promise<unknown> {
    if (session.outstanding === 0) {
      // A turn whose caller has gone may still ask until it has come to its end: there is nothing strange about that.
      const harmless = question.harmless || isOpen(session, question.turn)
      this.#settler.unsolicited(session, { method: question.method, params: question.params }, harmless)
      return fallback
    }
    const lease = whomToAsk(session, question)
    const handler = lease?.handlerOf(question.method)
    if (!lease || !handler) return fallback
    session.questions++
    try {
      return await runWithDeadline(
        async (signal) => handler(question.params as never, { method: question.method, signal }),
        this.#env.settings.timeouts.answer,
        this.#env.clock,
        () => this.#tooLate(session, question),
        question.signal ? AbortSignal.any([lease.signal, question.signal]) : lease.signal,
      )
    } catch (problem) {
      if (problem instanceof Unanswered || lease.over || question.signal?.aborted) return fallback
      throw problem
    } finally {
      session.questions--
    }
  }

  #tooLate(session: Session, { method }: Question): Unanswered {
    const waited = formatDuration(this.#env.settings.timeouts.answer)
    const problem = new Unanswered(`no answer to ${method} within ${waited} (timeouts.answer): the driver's default answer was given`)
    this.#env.report(problem, `a handler of session ${session.id}`)
    return problem
  }
}

function isOpen({ turns }: Session, turn: TurnSink | undefined): boolean {
  for (const one of turns) {
    if (one === turn) return true
  }
  return false
}

/** The owner of the turn; without one the only lease. Which of several is meant can't be known. */
function whomToAsk({ leases, turns }: Session, { turn }: Question): PooledLease | undefined {
  if (turn) {
    for (const one of turns) {
      if (one === turn) return one.owner.over ? undefined : one.owner
    }
    return undefined
  }
  return leases.length === 1 ? leases[0] : undefined
}
