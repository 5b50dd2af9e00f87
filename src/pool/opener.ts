import { type Birth, type Channel, type ChannelContext, type Child, GreenroomError, messageOf } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'
import { describeExit } from '../process/exit-text.ts'
import { UnstartedChild } from '../process/unstarted-child.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Questions } from './questions.ts'
import type { Retirer } from './retirer.ts'
import type { Session } from './session.ts'
import type { Settler } from './settler.ts'

/** A conversation that is ready, unless `gone` is aborted: its process may have ended, or spoken nonsense, in that very moment. */
export interface Opened {
  readonly channel: Channel
  readonly gone: AbortSignal
}

/** Starts a session's process, and brings the conversation with it to readiness. */
export class Opener {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer
  readonly #settler: Settler
  readonly #questions: Questions

  constructor(env: PoolEnvironment, retirer: Retirer, settler: Settler, questions: Questions) {
    this.#env = env
    this.#retirer = retirer
    this.#settler = settler
    this.#questions = questions
  }

  /** What cannot even be attempted is a process that could not be started: it goes the same way through back-off and breaker. */
  spawn(sessionId: string, birth?: Birth): Child {
    const { driver, hooks, spawner } = this.#env
    try {
      const spec = driver.spawnSpec(birth)
      return spawner.spawn(hooks.spawn.isUsed() ? hooks.spawn.call(spec, { sessionId, ...(birth && { tenant: birth.tenant }) }) : spec)
    } catch (problem) {
      const error = new GreenroomError('STRATEGY_FAILED', `what to start could not be made out: ${messageOf(problem)}`, { cause: problem, sessionId })
      return new UnstartedChild(Promise.resolve(error), '')
    }
  }

  /**
   * Resolves when the session's process is ready, within timeouts.start; rejects with `START_TIMEOUT` or what went wrong. Who awaits it looks
   * at `gone` in the same breath in which the session begins to count as ready: an end before that is noticed nowhere else.
   */
  async open(session: Session): Promise<Opened> {
    const { clock, driver, settings } = this.#env
    const { child } = session
    const gone = new AbortController()
    void child.exited.then((exit) => {
      // INV 16: the handshake is settled too.
      gone.abort(exit.error ?? new Error(`the program ${describeExit(exit, child.stderrTail())}`))
      if (session.child === child && !session.relaunching) this.#retirer.exited(session, exit)
    })
    const channel = await runWithDeadline(
      async (signal) => {
        const opened = await driver.open(child, this.#context(session, signal, gone))
        // A driver without a handshake has noticed nothing of a command that cannot be started.
        if (child.started) await child.started
        if (child.pid === undefined) throw (await child.exited).error ?? new Error('the process did not start')
        return opened
      },
      settings.timeouts.start,
      clock,
      () => new GreenroomError('START_TIMEOUT', `session ${session.id} was not ready within ${settings.timeouts.start} ms (timeouts.start)`, { sessionId: session.id }),
      gone.signal,
    )
    return { channel, gone: gone.signal }
  }

  #context(session: Session, signal: AbortSignal, gone: AbortController): ChannelContext {
    const { clock, random } = this.#env
    const { child } = session
    // What a replaced process has to say is of no concern any more.
    const isCurrent = (): boolean => session.child === child
    return {
      sessionId: session.id,
      clock,
      random,
      signal,
      unsolicited: (message, harmless) => {
        if (isCurrent()) this.#settler.unsolicited(session, message, harmless)
      },
      ask: async (question, fallback) => (isCurrent() ? await this.#questions.ask(session, question, fallback) : fallback),
      broken: (error) => {
        if (session.state === 'starting' || session.relaunching) gone.abort(error)
        else if (isCurrent()) this.#settler.broken(session, error)
      },
    }
  }
}
